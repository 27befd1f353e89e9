using Baka.Compiler.Plans;

namespace Baka.Compiler.Fusion;

/// <summary>
/// The nested loops of a kernel over operands that lie differently in memory: an innermost run with one stride for
/// each operand (1 where it is contiguous, 0 where it is one value all along), and outer loops with a stride for each.
/// </summary>
public sealed class ElementwiseLoops
{
    /// <param name="views">All operands, inputs first.</param>
    public ElementwiseLoops(IReadOnlyList<View> views)
    {
        var cuts = Cuts(views)
            ?? throw new InvalidOperationException("The plan has operands whose axes do not fit together.");
        var extents = new List<long>();
        var strides = new List<long[]>();
        var inside = 1L;
        foreach (var cut in cuts.DefaultIfEmpty(1))
        {
            extents.Add(cut / inside);
            var from = inside;
            strides.Add([.. views.Select(v => StrideAt(v, from))]);
            inside = cut;
        }

        Merge(extents, strides);
        Run = extents[0];
        InnerStrides = strides[0];
        Extents = [.. extents.Skip(1)];
        Strides = [.. strides.Skip(1)];
    }

    /// <summary>Length of the innermost run.</summary>
    public long Run { get; }

    /// <summary>Stride of each operand in the innermost run.</summary>
    public long[] InnerStrides { get; }

    /// <summary>Extents of the outer loops, the innermost of them first.</summary>
    public long[] Extents { get; }

    /// <summary>For each outer loop the stride of each operand.</summary>
    public long[][] Strides { get; }

    /// <summary>Where the loops end, or null where the operands' axes do not fit together.</summary>
    public static long[]? Cuts(IReadOnlyList<View> views) =>
        Walk.Refine(views.Where(v => !v.IsDense).Select(v => Walk.Cuts(v.Shape)).Append([views[0].Shape.Count]));

    /// <summary>Distance of two elements of a view that are <paramref name="count"/> apart in row-major order, within one axis.</summary>
    private static long StrideAt(View view, long count)
    {
        if (view.IsDense)
        {
            return count;
        }

        var inside = 1L;
        for (var axis = view.Shape.Rank - 1; axis >= 0; axis--)
        {
            var extent = view.Shape[axis];
            if (extent > 1 && count < inside * extent)
            {
                return count / inside * view.Strides[axis];
            }

            inside *= extent;
        }

        return 0;
    }

    /// <summary>Makes one loop of two where every operand runs on without a gap.</summary>
    private static void Merge(List<long> extents, List<long[]> strides)
    {
        for (var i = 1; i < extents.Count;)
        {
            var fits = true;
            for (var k = 0; k < strides[i].Length; k++)
            {
                fits &= strides[i][k] == strides[i - 1][k] * extents[i - 1];
            }

            if (!fits)
            {
                i++;
                continue;
            }

            extents[i - 1] *= extents[i];
            extents.RemoveAt(i);
            strides.RemoveAt(i);
        }
    }
}
