namespace Baka.Training.Planning;

/// <summary>Steps of a plan that run the same kind of kernel.</summary>
/// <param name="Kind">Name of the op.</param>
/// <param name="Count">Launches in one training step.</param>
/// <param name="Flops">Floating-point operations of all of them.</param>
/// <param name="Bytes">Bytes they have to move at least.</param>
public sealed record KernelGroup(string Kind, int Count, long Flops, long Bytes);

/// <summary>Where the memory of a training process goes: its resident memory, or a GPU's own.</summary>
public sealed record MemoryReport(IReadOnlyList<MemoryPart> Parts)
{
    /// <summary>The part that the process holds before any tensor: code, compiler, graphs.</summary>
    internal const string Runtime = "runtime";

    /// <summary>Predicted at its peak.</summary>
    public long Peak => Parts.Sum(part => part.Bytes);

    /// <summary>A part's bytes; 0 where there is no such part.</summary>
    public long Of(string key) => Parts.FirstOrDefault(part => part.Key == key)?.Bytes ?? 0;
}

/// <summary>What a training step was compiled to.</summary>
/// <param name="Device">What it was compiled for, in words.</param>
/// <param name="Rows">B.</param>
/// <param name="Windows">W.</param>
/// <param name="TokensPerStep">B·W·T.</param>
/// <param name="ParameterCount">Learned numbers.</param>
/// <param name="TrainedCount">Those of them that the step changes.</param>
/// <param name="Kernels">By kind, the most work first.</param>
/// <param name="Memory">Predicted memory.</param>
public sealed record PlanReport(
    string Device, int Rows, int Windows, int TokensPerStep, long ParameterCount, long TrainedCount, IReadOnlyList<KernelGroup> Kernels, MemoryReport Memory)
{
    public long Flops => Kernels.Sum(k => k.Flops);

    public long Bytes => Kernels.Sum(k => k.Bytes);
}
