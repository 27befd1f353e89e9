namespace Baka.Training.Benchmarks;

/// <summary>Time of all kernels of one kind in modules of one kind.</summary>
/// <param name="Kind">Name of the op.</param>
/// <param name="Module">Where it comes from, without the numbers of layers.</param>
/// <param name="Launches">In one training step.</param>
/// <param name="Milliseconds">In one training step, each kernel timed by itself.</param>
/// <param name="FloorMilliseconds">
/// What its floating-point operations take at the bare matrix product's rate, or its bytes at the rate of a copy, whichever is more.
/// </param>
public sealed record KernelTime(string Kind, string Module, int Launches, double Milliseconds, double FloorMilliseconds)
{
    public double TimesFloor => Milliseconds / FloorMilliseconds;
}
