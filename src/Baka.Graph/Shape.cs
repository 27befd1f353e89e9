using System.Collections.Immutable;

namespace Baka.Graph;

/// <summary>The static shape of a tensor: its extents from the outermost to the innermost axis. A scalar has rank 0.</summary>
public sealed class Shape : IEquatable<Shape>
{
    public static readonly Shape Scalar = new();

    private readonly ImmutableArray<int> _extents;

    public Shape(params ReadOnlySpan<int> extents)
    {
        var count = 1L;
        foreach (var extent in extents)
        {
            if (extent < 1)
            {
                throw new GraphException($"a shape needs positive extents, not [{string.Join(", ", extents.ToArray())}]");
            }

            count *= extent;
        }

        _extents = [.. extents];
        Count = count;
    }

    public int Rank => _extents.Length;

    /// <summary>Number of elements.</summary>
    public long Count { get; }

    public ReadOnlySpan<int> Extents => _extents.AsSpan();

    /// <summary>The extent of an axis; negative axes count from the innermost.</summary>
    public int this[int axis] => _extents[Axis(axis)];

    public static implicit operator Shape(int[] extents) => new(extents);

    /// <summary>Turns a possibly negative axis into one from 0 to rank − 1.</summary>
    public int Axis(int axis)
    {
        var result = axis < 0 ? axis + Rank : axis;
        return result >= 0 && result < Rank ? result : throw new GraphException($"axis {axis} does not exist in shape {this}");
    }

    /// <summary>This shape with the extent of one axis replaced.</summary>
    public Shape With(int axis, int extent)
    {
        var extents = _extents.ToArray();
        extents[Axis(axis)] = extent;
        return new Shape(extents);
    }

    /// <summary>Product of the extents from one axis (inclusive) to another (exclusive).</summary>
    public int Product(int from, int to)
    {
        var product = 1;
        for (var i = from; i < to; i++)
        {
            product = checked(product * _extents[i]);
        }

        return product;
    }

    /// <summary>Strides in elements of a dense row-major tensor.</summary>
    public long[] DenseStrides()
    {
        var strides = new long[Rank];
        var stride = 1L;
        for (var i = Rank - 1; i >= 0; i--)
        {
            strides[i] = stride;
            stride *= _extents[i];
        }

        return strides;
    }

    public bool Equals(Shape? other) => other is not null && _extents.AsSpan().SequenceEqual(other._extents.AsSpan());

    public override bool Equals(object? obj) => Equals(obj as Shape);

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var extent in _extents)
        {
            hash.Add(extent);
        }

        return hash.ToHashCode();
    }

    public override string ToString() => $"[{string.Join(", ", _extents)}]";
}
