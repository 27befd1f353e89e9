namespace Baka.Training.Benchmarks;

/// <summary>How fast a training step runs, and what it takes.</summary>
/// <param name="Parameters">Numbers that the model learns.</param>
/// <param name="TokensPerStep">Rows · windows · window: pauses and memory slots are not counted.</param>
/// <param name="Steps">That were measured.</param>
/// <param name="Preparation">From the recipe to a program that can run.</param>
/// <param name="MillisecondsPerStep">Median.</param>
/// <param name="FlopsPerStep">Of all kernels of the compiled step.</param>
/// <param name="PeakGflops">Rate of the matrix product by itself, measured right after in the same process.</param>
/// <param name="PeakResidentBytes">Most memory that the process ever held, before that measurement.</param>
/// <param name="ManagedBytesPerStep">Allocated by all threads on the managed heap.</param>
public sealed record BenchReport(
    long Parameters,
    int TokensPerStep,
    int Steps,
    TimeSpan Preparation,
    double MillisecondsPerStep,
    double FlopsPerStep,
    double PeakGflops,
    long PeakResidentBytes,
    double ManagedBytesPerStep)
{
    public double TokensPerSecond => TokensPerStep / MillisecondsPerStep * 1e3;

    public double Gflops => FlopsPerStep / MillisecondsPerStep * 1e-6;

    /// <summary>Of the matrix product's own rate.</summary>
    public double ShareOfPeak => Gflops / PeakGflops;
}
