using Baka.Cuda.Execution;

namespace Baka.Training.Planning;

/// <summary>Memory by what it is for.</summary>
/// <param name="Key">For machines.</param>
/// <param name="Purpose">For people.</param>
public sealed record MemoryPart(string Key, string Purpose, long Bytes)
{
    internal static IReadOnlyList<MemoryPart> Of(CudaMemoryUse use) =>
    [
        new("variables", "parameters, moments, carried state", use.Variables),
        new("weights", "weights as products read them", use.Weights),
        new("arena", "activations, gradients, working space of kernels", use.Arena),
        new("buffers", "inputs, outputs and constants", use.Buffers),
        new("workspace", "working space of matrix products", use.Workspace),
    ];
}
