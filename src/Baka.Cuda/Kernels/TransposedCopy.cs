using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>A copy whose source has neighbors along another axis than its target, by tiles of <c>CopyTransposed.cu</c>.</summary>
internal static class TransposedCopy
{
    private const int Side = 32;
    private const int Threads = 256;

    // Shorter axes leave most of a tile empty.
    private const int Shortest = 8;

    /// <param name="from">The source, with the axes in the order of falling strides in the target.</param>
    /// <param name="to">The target.</param>
    /// <returns>Null where tiles are of no use.</returns>
    public static Launch? TryLower(View from, View to)
    {
        var a = to.Shape.Rank - 1;
        var b = Enumerable.Range(0, to.Shape.Rank).FirstOrDefault(axis => from.Strides[axis] == 1, -1);
        if (b < 0 || a == b || to.Strides[a] != 1 || from.Strides[a] == 0 || from.Shape[a] < Shortest || from.Shape[b] < Shortest)
        {
            return null;
        }

        int[] outer = [.. Enumerable.Range(0, to.Shape.Rank).Where(axis => axis != a && axis != b)];
        var (sizeA, sizeB) = (to.Shape[a], to.Shape[b]);
        var blocks = outer.Aggregate((long)Tiles(sizeA) * Tiles(sizeB), (count, axis) => count * to.Shape[axis]);
        var kernel = Kernel.FromFile("CopyTransposed.cu", "copy_transposed",
            ("X", TypeName(from)), ("Y", TypeName(to)),
            ("A", sizeA), ("B", sizeB),
            ("X_A", from.Strides[a]), ("Y_B", to.Strides[b]),
            ("INDEX", from.LastElement > uint.MaxValue || to.LastElement > uint.MaxValue ? "u64" : "u32"),
            ("X_OUTER", Place(from, outer)), ("Y_OUTER", Place(to, outer)));
        return new Launch(kernel, new Grid(checked((int)blocks)), Threads, 0, [from, to]);
    }

    private static int Tiles(int extent) => (extent + Side - 1) / Side;

    // Integers travel as the floats with their bits.
    private static string TypeName(View view) => Kernel.TypeName(view.Storage.Type == Element.Int32 ? Element.Float32 : view.Storage.Type);

    /// <summary>The distance that the outer index <c>o</c>, a number in row-major order of the outer axes, goes in a view.</summary>
    private static string Place(View view, int[] outer)
    {
        var place = "0";
        var inside = 1L;
        foreach (var axis in outer.Reverse())
        {
            place = $"o / {inside} % {view.Shape[axis]} * {view.Strides[axis]} + {place}";
            inside *= view.Shape[axis];
        }

        return $"({place})";
    }
}
