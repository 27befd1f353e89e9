using System.Numerics;
using Baka.Compiler.Plans;

namespace Baka.Cuda.Products;

/// <summary>A matrix as cuBLASLt has to know it, in row-major terms, or a batch of matrices that lie alike.</summary>
/// <param name="Rows">Of the matrix in memory, which is the transposed view where <see cref="Transposed"/> is set.</param>
/// <param name="Columns">Side by side in memory.</param>
/// <param name="Stride">From row to row, in elements.</param>
/// <param name="Transposed">Whether the view's columns are the memory's rows.</param>
/// <param name="Alignment">Of every matrix's first element's address, in bytes; at most that of a memory's base.</param>
/// <param name="Batch">Number of matrices.</param>
/// <param name="BatchStride">From matrix to matrix, in elements.</param>
internal readonly record struct Operand(Element Type, int Rows, int Columns, long Stride, bool Transposed, int Alignment, int Batch, long BatchStride)
{
    /// <summary>Arenas and variables begin at multiples of this.</summary>
    public const int BaseAlignment = 256;

    private const int VectorBytes = 16;

    /// <exception cref="ArgumentException">No row or column of the view is contiguous, or rows overlap.</exception>
    public static Operand Of(View view)
    {
        if (view.Shape.Rank is not (2 or 3))
        {
            throw new ArgumentException($"A product needs matrices, not {view.Shape}.");
        }

        var rank = view.Shape.Rank;
        var (rows, columns) = (view.Shape[rank - 2], view.Shape[rank - 1]);
        var (row, column) = (view.Strides[rank - 2], view.Strides[rank - 1]);
        var (batch, batchStride) = rank == 3 && view.Shape[0] > 1 ? (view.Shape[0], view.Strides[0]) : (1, 0);
        var alignment = Math.Min(AlignmentOf(view.Offset, view.Storage.Type), AlignmentOf(batchStride, view.Storage.Type));
        var asIs = Spacing(rows, columns, row, column, view.Storage.Type);
        var transposed = Spacing(columns, rows, column, row, view.Storage.Type);
        // A single column can be seen as a single row, which the fast kernels like better.
        if (asIs > 0 && !(columns == 1 && transposed > 0))
        {
            return new Operand(view.Storage.Type, rows, columns, asIs, false, alignment, batch, batchStride);
        }

        return transposed > 0
            ? new Operand(view.Storage.Type, columns, rows, transposed, true, alignment, batch, batchStride)
            : throw new ArgumentException($"A product can't read {view.Shape} with strides {string.Join(", ", view.Strides)}.");
    }

    /// <summary>From the first to the one after the last, with what lies between rows.</summary>
    public long Bytes => ((Batch - 1) * BatchStride + (Rows - 1) * Stride + Columns) * Type.Bytes;

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

    private static int AlignmentOf(long elements, Element type)
    {
        var bytes = elements * type.Bytes;
        return bytes == 0 ? BaseAlignment : (int)Math.Min(BaseAlignment, 1L << BitOperations.TrailingZeroCount(bytes));
    }
}
