using Baka.Cpu.Gemm;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>C = A·B or C += A·B for every matrix of a batch; the workers share the batch.</summary>
public sealed unsafe class BatchProduct(int batch, int m, int n, int k, bool accumulate) : Kernel
{
    /// <summary>The first A: [m, k].</summary>
    public Matrix Left { get; set; }

    /// <summary>The first B: [k, n].</summary>
    public Matrix Right { get; set; }

    /// <summary>The first C: [m, n], dense as all are.</summary>
    public float* Output { get; set; }

    /// <summary>Floats from one A to the next.</summary>
    public nint LeftStride { get; set; }

    /// <summary>Floats from one B to the next.</summary>
    public nint RightStride { get; set; }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(batch, worker, workers);
        for (nint i = start; i < end; i++)
        {
            var a = new Matrix(Left.Data + i * LeftStride, Left.RowStride, Left.ColumnStride);
            var b = new Matrix(Right.Data + i * RightStride, Right.RowStride, Right.ColumnStride);
            Sgemm.MultiplySingle(m, n, k, a, b, new Matrix(Output + i * m * n, n, 1), accumulate);
        }
    }
}
