namespace Baka.Cpu.Gemm;

/// <summary>
/// A view of f32 memory as a matrix: element (i, j) lies at <c>Data[i · RowStride + j · ColumnStride]</c>.
/// One of the strides is usually 1; rows may overlap (RowStride &lt; width) when the matrix is only read.
/// </summary>
public readonly unsafe struct Matrix(float* data, nint rowStride, nint columnStride)
{
    public readonly float* Data = data;
    public readonly nint RowStride = rowStride;
    public readonly nint ColumnStride = columnStride;

    public Matrix Transposed => new(Data, ColumnStride, RowStride);

    public Matrix At(nint row, nint column) => new(Data + row * RowStride + column * ColumnStride, RowStride, ColumnStride);
}
