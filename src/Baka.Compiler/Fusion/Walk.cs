using Baka.Graph;

namespace Baka.Compiler.Fusion;

/// <summary>
/// How elements in row-major order are walked by nested loops. A cut is a number of elements, counted from the
/// innermost, after which an axis ends; loops over several shapes need cuts that divide one another.
/// </summary>
public static class Walk
{
    /// <summary>The cuts of a shape, from the innermost on; the last is the number of elements.</summary>
    public static long[] Cuts(Shape shape)
    {
        var cuts = new List<long>();
        var count = 1L;
        for (var axis = shape.Rank - 1; axis >= 0; axis--)
        {
            if (shape[axis] > 1)
            {
                count *= shape[axis];
                cuts.Add(count);
            }
        }

        return [.. cuts];
    }

    /// <summary>All cuts of several walks together, or null where one does not divide the next.</summary>
    public static long[]? Refine(IEnumerable<long[]> walks)
    {
        var cuts = walks.SelectMany(c => c).Distinct().Order().ToArray();
        for (var i = 1; i < cuts.Length; i++)
        {
            if (cuts[i] % cuts[i - 1] != 0)
            {
                return null;
            }
        }

        return cuts;
    }
}
