using Baka.Cpu.Threading;

namespace Baka.Cpu.Gemm;

/// <summary>Single-precision matrix product <c>C = A·B</c> or <c>C += A·B</c>.</summary>
public static unsafe class Sgemm
{
    /// <summary>C [m, n] = (accumulate ? C : 0) + A [m, k] · B [k, n], on the whole team.</summary>
    public static void Multiply(ThreadTeam team, int m, int n, int k, Matrix a, Matrix b, Matrix c, bool accumulate = false) =>
        MultiplySingle(m, n, k, a, b, c, accumulate);

    /// <summary>The same on the calling thread alone, for use inside other kernels.</summary>
    public static void MultiplySingle(int m, int n, int k, Matrix a, Matrix b, Matrix c, bool accumulate = false)
    {
        for (var i = 0; i < m; i++)
        {
            for (var j = 0; j < n; j++)
            {
                var sum = 0f;
                for (var p = 0; p < k; p++)
                {
                    sum += a.At(i, p).Data[0] * b.At(p, j).Data[0];
                }

                var to = c.At(i, j).Data;
                *to = accumulate ? *to + sum : sum;
            }
        }
    }
}
