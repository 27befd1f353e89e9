using Baka.Compiler.Plans;

namespace Baka.Cuda.Kernels;

/// <summary>How many neighboring elements a thread reads and writes at once.</summary>
internal static class VectorWidth
{
    private const int Bytes = 16;

    /// <summary>
    /// The largest power of two that divides a width and the place of every row of all views, up to 16 bytes of their
    /// smallest element. Storages begin at multiples of 256 bytes; the views' last axes have stride 1.
    /// </summary>
    public static int Choose(long width, params ReadOnlySpan<View> views)
    {
        foreach (var view in views)
        {
            for (var axis = 0; axis < view.Shape.Rank - 1; axis++)
            {
                width = Common(width, view.Shape[axis] > 1 ? view.Strides[axis] : 0);
            }
        }

        return ChooseDense(width, views);
    }

    /// <summary>The same where rows of the width follow each other without a gap.</summary>
    public static int ChooseDense(long width, params ReadOnlySpan<View> views)
    {
        var smallest = Bytes;
        foreach (var view in views)
        {
            smallest = Math.Min(smallest, view.Storage.Type.Bytes);
            width = Common(width, view.Offset);
        }

        return (int)Common(width, Bytes / smallest);
    }

    /// <summary>The largest power of two in both numbers; 0 has all of them.</summary>
    private static long Common(long a, long b) => (a | b) & -(a | b);
}
