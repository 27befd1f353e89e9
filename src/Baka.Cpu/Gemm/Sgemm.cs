using Baka.Cpu.Threading;

namespace Baka.Cpu.Gemm;

/// <summary>
/// Single-precision matrix product <c>C = A·B</c> or <c>C += A·B</c> for any transposition of any operand.
/// The same sizes, strides, values and team size give the same bits.
/// </summary>
public static unsafe class Sgemm
{
    // Below this many multiply-adds waking the team takes longer than the product.
    private const long WorthTheTeam = 1 << 17;

    /// <summary>Bits in the vectors that products on this machine use: 128, 256 or 512.</summary>
    public static int VectorBits => GemmEngine.Widest.VectorBits;

    /// <summary>C [m, n] = (accumulate ? C : 0) + A [m, k] · B [k, n], on the whole team.</summary>
    /// <param name="c">Rows or columns contiguous; must not overlap A, B or itself.</param>
    /// <exception cref="ArgumentException">A size is negative, or neither stride of C is 1.</exception>
    public static void Multiply(ThreadTeam team, int m, int n, int k, Matrix a, Matrix b, Matrix c, bool accumulate = false) =>
        Multiply(GemmEngine.Widest, team, GemmProblem.Create(m, n, k, a, b, c, accumulate));

    /// <summary>The same on the calling thread alone, for use inside other kernels.</summary>
    /// <param name="c">Rows or columns contiguous; must not overlap A, B or itself.</param>
    /// <exception cref="ArgumentException">A size is negative, or neither stride of C is 1.</exception>
    public static void MultiplySingle(int m, int n, int k, Matrix a, Matrix b, Matrix c, bool accumulate = false) =>
        MultiplySingle(GemmEngine.Widest, GemmProblem.Create(m, n, k, a, b, c, accumulate));

    /// <summary>
    /// The highest rate, in GFLOP/s, that products reach on the team: the fastest one of a run of some 0.3 s over
    /// large shapes that suit the caches. A step's own rate is stated as a share of it.
    /// </summary>
    public static double MeasurePeak(ThreadTeam team) => PeakRate.Measure(team);

    /// <summary>Bytes that large products on a team keep for packed blocks: two of B for the team, one of A for each worker.</summary>
    public static long ScratchBytes(int workers) => (2L * GemmEngine.BlockOfB + (long)workers * GemmEngine.BlockOfA) * sizeof(float);

    internal static void Multiply(GemmEngine engine, ThreadTeam team, in GemmProblem problem)
    {
        if (team.Size == 1 || (long)problem.M * problem.N * problem.K < WorthTheTeam)
        {
            MultiplySingle(engine, problem);
        }
        else
        {
            GemmRun.Multiply(engine, team, problem);
        }
    }

    internal static void MultiplySingle(GemmEngine engine, in GemmProblem problem) =>
        engine.Run(problem, null, 0, 1, GemmScratch.OfThisThread.B(engine.SharedLength(problem, 1)));
}
