namespace Baka.Training.Planning;

/// <summary>Steps of a plan that run the same kind of kernel.</summary>
/// <param name="Kind">Name of the op.</param>
/// <param name="Count">Launches in one training step.</param>
/// <param name="Flops">Floating-point operations of all of them.</param>
/// <param name="Bytes">Bytes they have to move at least.</param>
public sealed record KernelGroup(string Kind, int Count, long Flops, long Bytes);

/// <summary>Where the memory of a training process goes, in bytes.</summary>
/// <param name="Runtime">What the process holds before any tensor: code, compiler, graphs.</param>
/// <param name="Parameters">Weights.</param>
/// <param name="Optimizer">Moments, and sums of gradients when they are accumulated.</param>
/// <param name="Carry">Caches and memory carried from step to step.</param>
/// <param name="Arena">Activations and gradients, planned to overlap in time.</param>
/// <param name="Scratch">Working space of kernels, inputs and outputs.</param>
public sealed record MemoryReport(long Runtime, long Parameters, long Optimizer, long Carry, long Arena, long Scratch)
{
    /// <summary>Predicted peak of the resident memory.</summary>
    public long Peak => Runtime + Parameters + Optimizer + Carry + Arena + Scratch;
}

/// <summary>What a training step was compiled to.</summary>
/// <param name="Rows">B.</param>
/// <param name="Windows">W.</param>
/// <param name="TokensPerStep">B·W·T.</param>
/// <param name="ParameterCount">Trained numbers.</param>
/// <param name="Kernels">By kind, the most work first.</param>
/// <param name="Memory">Predicted memory.</param>
public sealed record PlanReport(int Rows, int Windows, int TokensPerStep, long ParameterCount, IReadOnlyList<KernelGroup> Kernels, MemoryReport Memory)
{
    public long Flops => Kernels.Sum(k => k.Flops);

    public long Bytes => Kernels.Sum(k => k.Bytes);
}
