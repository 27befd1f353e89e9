using System.Numerics;
using Baka.Compiler.Plans;

namespace Baka.Cuda.Products;

/// <summary>A matrix as cuBLASLt has to know it, in row-major terms.</summary>
/// <param name="Rows">Of the matrix in memory, which is the transposed view where <see cref="Transposed"/> is set.</param>
/// <param name="Columns">Side by side in memory.</param>
/// <param name="Stride">From row to row, in elements.</param>
/// <param name="Transposed">Whether the view's columns are the memory's rows.</param>
/// <param name="Alignment">Of the first element's address, in bytes; at most that of a memory's base.</param>
internal readonly record struct Operand(Element Type, int Rows, int Columns, long Stride, bool Transposed, int Alignment)
{
    /// <summary>Arenas and variables begin at multiples of this.</summary>
    public const int BaseAlignment = 256;

    private const int VectorBytes = 16;

    /// <exception cref="ArgumentException">No row or column of the view is contiguous, or rows overlap.</exception>
    public static Operand Of(View view)
    {
        if (view.Shape.Rank != 2)
        {
            throw new ArgumentException($"A product needs matrices, not {view.Shape}.");
        }

        var (rows, columns) = (view.Shape[0], view.Shape[1]);
        var alignment = AlignmentOf(view);
        var asIs = Spacing(rows, columns, view.Strides[0], view.Strides[1], view.Storage.Type);
        var transposed = Spacing(columns, rows, view.Strides[1], view.Strides[0], view.Storage.Type);
        // A single column can be seen as a single row, which the fast kernels like better.
        if (asIs > 0 && !(columns == 1 && transposed > 0))
        {
            return new Operand(view.Storage.Type, rows, columns, asIs, false, alignment);
        }

        return transposed > 0
            ? new Operand(view.Storage.Type, columns, rows, transposed, true, alignment)
            : throw new ArgumentException($"A product can't read {view.Shape} with strides {string.Join(", ", view.Strides)}.");
    }

    /// <summary>From the first to the one after the last, with what lies between rows.</summary>
    public long Bytes => ((Rows - 1) * Stride + Columns) * Type.Bytes;

    // The distance of rows where these strides are those of a row-major matrix, or 0.
    private static long Spacing(int rows, int columns, long row, long column, Element type)
    {
        if (columns > 1 && column != 1)
        {
            return 0;
        }

        // There is no second row to be at a wrong distance: say one that vectors fit into.
        var elements = VectorBytes / type.Bytes;
        return rows == 1 ? (columns + elements - 1) / elements * elements : row >= columns ? row : 0;
    }

    private static int AlignmentOf(View view)
    {
        var bytes = view.Offset * view.Storage.Type.Bytes;
        return bytes == 0 ? BaseAlignment : (int)Math.Min(BaseAlignment, 1L << BitOperations.TrailingZeroCount(bytes));
    }
}
