using Baka.Graph;

namespace Baka.Compiler.Plans;

/// <summary>A tensor in memory: element (i, j, …) lies at offset + i·stride₀ + j·stride₁ + … of a storage.</summary>
public sealed class View(Storage storage, long offset, Shape shape, long[] strides)
{
    public View(Storage storage, Shape shape)
        : this(storage, 0, shape, shape.DenseStrides())
    {
    }

    public Storage Storage { get; } = storage;

    public long Offset { get; } = offset;

    public Shape Shape { get; } = shape;

    /// <summary>Distance of neighbors along each axis, in elements; 0 repeats.</summary>
    public IReadOnlyList<long> Strides { get; } = strides;

    public bool IsDense
    {
        get
        {
            var dense = Shape.DenseStrides();
            for (var i = 0; i < dense.Length; i++)
            {
                if (Shape[i] > 1 && Strides[i] != dense[i])
                {
                    return false;
                }
            }

            return true;
        }
    }

    /// <summary>Whether the view is the whole of its storage in its own order.</summary>
    public bool IsWhole => IsDense && Offset == 0 && Shape.Count == Storage.Count;

    /// <summary>Whether the elements of another lie alike, wherever that begins.</summary>
    public bool LiesAs(View other) =>
        Storage.Type == other.Storage.Type && Shape.Equals(other.Shape) && Enumerable.Range(0, Shape.Rank).All(axis => Shape[axis] == 1 || Strides[axis] == other.Strides[axis]);

    /// <summary>Whether the elements fill a stretch of memory, in whatever order.</summary>
    public bool IsPacked => Permute(AxesAsTheyLie()).IsDense;

    /// <summary>Distance of the last element from the first.</summary>
    public long LastElement => Enumerable.Range(0, Shape.Rank).Sum(axis => (Shape[axis] - 1) * Strides[axis]);

    /// <summary>The axes from the outermost in memory to the innermost.</summary>
    public int[] AxesAsTheyLie() => [.. Enumerable.Range(0, Shape.Rank).OrderByDescending(axis => Strides[axis])];

    /// <summary>Brings the elements of a packed view, given as they lie in memory, into row-major order.</summary>
    public void Sort(ReadOnlySpan<float> lying, Span<float> sorted)
    {
        if (IsDense)
        {
            lying.CopyTo(sorted);
            return;
        }

        var i = 0;
        foreach (var place in Places())
        {
            sorted[i++] = lying[(int)place];
        }
    }

    /// <summary>The opposite of <see cref="Sort"/>.</summary>
    public void Unsort(ReadOnlySpan<float> sorted, Span<float> lying)
    {
        if (IsDense)
        {
            sorted.CopyTo(lying);
            return;
        }

        var i = 0;
        foreach (var place in Places())
        {
            lying[(int)place] = sorted[i++];
        }
    }

    /// <summary>Distances of all elements from the first, in row-major order.</summary>
    public IEnumerable<long> Places()
    {
        for (var i = 0L; i < Shape.Count; i++)
        {
            var (rest, place) = (i, 0L);
            for (var axis = Shape.Rank - 1; axis >= 0; axis--)
            {
                place += rest % Shape[axis] * Strides[axis];
                rest /= Shape[axis];
            }

            yield return place;
        }
    }

    public View Slice(int axis, int start, int length) =>
        new(Storage, Offset + start * Strides[axis], Shape.With(axis, length), [.. Strides]);

    public View Permute(IReadOnlyList<int> axes) =>
        new(Storage, Offset, new Shape([.. axes.Select(a => Shape[a])]), [.. axes.Select(a => Strides[a])]);

    public View Broadcast(Shape shape) =>
        new(Storage, Offset, shape, [.. Strides.Select((stride, i) => Shape[i] == shape[i] ? stride : 0)]);

    /// <summary>The same elements in row-major order under another shape, or null where no strides express that.</summary>
    public View? Reshape(Shape shape)
    {
        // Axes that lie one inside the other without a gap count as one; each must be cut whole by the new axes.
        var merged = new List<(long Extent, long Stride)>();
        for (var i = 0; i < Shape.Rank; i++)
        {
            if (Shape[i] == 1)
            {
                continue;
            }

            if (merged.Count > 0 && merged[^1].Stride == Strides[i] * Shape[i])
            {
                merged[^1] = (merged[^1].Extent * Shape[i], Strides[i]);
            }
            else
            {
                merged.Add((Shape[i], Strides[i]));
            }
        }

        var strides = new long[shape.Rank];
        var run = merged.Count - 1;
        var inside = 1L;
        for (var axis = shape.Rank - 1; axis >= 0; axis--)
        {
            if (shape[axis] == 1)
            {
                continue;
            }

            if (run < 0 || merged[run].Extent % (inside * shape[axis]) != 0)
            {
                return null;
            }

            strides[axis] = merged[run].Stride * inside;
            inside *= shape[axis];
            if (inside == merged[run].Extent)
            {
                run--;
                inside = 1;
            }
        }

        return new View(Storage, Offset, shape, strides);
    }
}
