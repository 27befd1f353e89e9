using Baka.Cuda.Interop;

namespace Baka.Cuda.Tests;

/// <summary>A test that needs a GPU with NVIDIA's libraries; it is skipped, with the reason, where they are missing.</summary>
public sealed class GpuFactAttribute : FactAttribute
{
    private static readonly string? Problem = CudaSurvey.Take().Problem;

    public GpuFactAttribute() => Skip = Problem;
}
