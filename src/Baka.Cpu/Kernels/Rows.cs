namespace Baka.Cpu.Kernels;

/// <summary>
/// A view of f32 memory as rows in batches; the elements of a row are contiguous. Row r of batch b begins at
/// <c>Data + b · BatchStride + r · RowStride</c> (strides in floats), and in it head h after h · HeadStride, which is 0
/// where all heads share the row. A default view is "not there".
/// </summary>
public readonly unsafe struct Rows(float* data, nint rowStride, nint batchStride = 0, nint headStride = 0)
{
    public readonly float* Data = data;
    public readonly nint RowStride = rowStride;
    public readonly nint BatchStride = batchStride;
    public readonly nint HeadStride = headStride;

    public bool IsPresent => Data != null;

    public float* At(int row) => Data + row * RowStride;

    public float* At(int batch, int row) => Data + batch * BatchStride + row * RowStride;

    public float* At(int batch, int row, int head) => At(batch, row) + head * HeadStride;
}
