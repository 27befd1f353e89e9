using Baka.Cpu.Threading;

namespace Baka.Cpu.Gemm;

/// <summary>
/// Single-precision matrix product <c>C = A·B</c> or <c>C += A·B</c> for any transposition of any operand.
/// The same sizes, strides, values and team size give the same bits.
/// </summary>
public static class Sgemm
{
    // Below this many multiply-adds waking the team takes longer than the product.
    private const long WorthTheTeam = 1 << 20;

    // With few rows the product waits for memory, and takes as long as one with about this many.
    private const long RowsThatHideMemory = 16;

    /// <summary>Bits in the vectors that products on this machine use: 128, 256 or 512.</summary>
    public static int VectorBits => GemmEngine.Widest.VectorBits;

    /// <summary>C [m, n] = (accumulate ? C : 0) + A [m, k] · B [k, n], on the whole team.</summary>
    /// <param name="c">Rows or columns contiguous; must not overlap A, B or itself.</param>
    /// <exception cref="ArgumentException">A size is negative, or neither stride of C is 1.</exception>
    public static void Multiply(ThreadTeam team, int m, int n, int k, Matrix a, Matrix b, Matrix c, bool accumulate = false)
    {
        var problem = GemmProblem.Create(m, n, k, a, b, c, accumulate);
        if (team.Size == 1 || Math.Max(problem.M, RowsThatHideMemory) * problem.N * problem.K < WorthTheTeam)
        {
            GemmEngine.Widest.Run(problem);
        }
        else
        {
            GemmRun.Multiply(GemmEngine.Widest, team, problem);
        }
    }

    /// <summary>The same on the calling thread alone, for use inside other kernels.</summary>
    /// <param name="c">Rows or columns contiguous; must not overlap A, B or itself.</param>
    /// <exception cref="ArgumentException">A size is negative, or neither stride of C is 1.</exception>
    public static void MultiplySingle(int m, int n, int k, Matrix a, Matrix b, Matrix c, bool accumulate = false) =>
        GemmEngine.Widest.Run(GemmProblem.Create(m, n, k, a, b, c, accumulate));

    /// <summary>
    /// The highest rate, in GFLOP/s, that products reach on the team: the fastest one of a run of some 0.3 s over
    /// large shapes that suit the caches. A step's own rate is stated as a share of it.
    /// </summary>
    public static double MeasurePeak(ThreadTeam team) => PeakRate.Measure(team);
    /// <summary>Bytes that large products on a team keep for packed blocks.</summary>
    public static long ScratchBytes(int workers) => workers * (GemmEngine.BlockOfA + (long)GemmEngine.BlockOfB) * sizeof(float);

}
