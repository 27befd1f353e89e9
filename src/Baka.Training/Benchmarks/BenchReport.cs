using Baka.Training.Planning;

namespace Baka.Training.Benchmarks;

/// <summary>How fast a training step runs, and what it takes.</summary>
/// <param name="Device">What computes, in words.</param>
/// <param name="Parameters">Numbers that the model learns.</param>
/// <param name="TokensPerStep">Rows · windows · window: pauses and memory slots are not counted.</param>
/// <param name="RowsPerPass">Rows computed at a time.</param>
/// <param name="Steps">That were measured.</param>
/// <param name="Preparation">From the recipe to a program that can run, and what it was spent on.</param>
/// <param name="FirstStep">From the start of the process to the end of the first step.</param>
/// <param name="MillisecondsPerStep">Median.</param>
/// <param name="FlopsPerStep">Of all kernels of the compiled step.</param>
/// <param name="PeakGflops">Rate of the matrix product by itself, measured right after in the same process.</param>
/// <param name="PeakResidentBytes">Most memory that the process ever held, before that measurement.</param>
/// <param name="ManagedBytesPerStep">Allocated by all threads on the managed heap.</param>
/// <param name="DeviceMemory">What is held in a GPU's own memory; empty for the CPU.</param>
/// <param name="DeviceUsedBytes">Memory of the GPU that is not free, the driver's and other programs' included; null for the CPU.</param>
/// <param name="Kernels">Times by kind, the longest first; null unless asked for, and on the CPU.</param>
public sealed record BenchReport(
    string Device,
    long Parameters,
    int TokensPerStep,
    int RowsPerPass,
    int Steps,
    Preparation Preparation,
    TimeSpan FirstStep,
    double MillisecondsPerStep,
    double FlopsPerStep,
    double PeakGflops,
    long PeakResidentBytes,
    double ManagedBytesPerStep,
    IReadOnlyList<MemoryPart> DeviceMemory,
    long? DeviceUsedBytes,
    IReadOnlyList<KernelTime>? Kernels)
{
    public double TokensPerSecond => TokensPerStep / MillisecondsPerStep * 1e3;

    public double Gflops => FlopsPerStep / MillisecondsPerStep * 1e-6;

    /// <summary>Of the matrix product's own rate.</summary>
    public double ShareOfPeak => Gflops / PeakGflops;

    public long DeviceBytes => DeviceMemory.Sum(part => part.Bytes);
}

/// <summary>What the time before the first step goes into.</summary>
/// <param name="Device">Opening the device.</param>
/// <param name="Program">Compiling the step, down to machine code, and taking its memory.</param>
/// <param name="Parameters">Drawing the initial values and bringing them to the device.</param>
public readonly record struct Preparation(TimeSpan Device, TimeSpan Program, TimeSpan Parameters)
{
    public TimeSpan Total => Device + Program + Parameters;
}
