using Baka.Cuda.Interop;

namespace Baka.Cuda.Lowering;

/// <summary>What kernels need to know of a GPU to choose their sizes.</summary>
/// <param name="Name">As the driver says it.</param>
/// <param name="Multiprocessors">Streaming multiprocessors.</param>
/// <param name="Major">Of the compute capability.</param>
/// <param name="Minor">Of the compute capability.</param>
/// <param name="SharedBytesPerBlock">The most dynamic shared memory that a block can be given.</param>
internal sealed record DeviceProfile(string Name, int Multiprocessors, int Major, int Minor, int SharedBytesPerBlock)
{
    /// <summary>An NVIDIA H100, for plans made without a GPU.</summary>
    public static DeviceProfile H100 { get; } = new("NVIDIA H100 80GB HBM3", 132, 9, 0, 232448);

    // The first whose tensor cores take bf16, and with copies to shared memory in the background.
    private const int LeastMajor = 8;

    /// <summary>Whether it has products of warpgroups and copies of boxes.</summary>
    public bool IsHopper => Major == 9;

    /// <summary>Why kernels can't run on it, in one sentence; null where they can.</summary>
    public string? Problem => Major >= LeastMajor ? null : $"The GPU {Name} has compute capability {Major}.{Minor}, but {LeastMajor}.0 or later is needed; train on the CPU.";

    /// <summary>The first GPU of this machine, or null where there is none that can be used.</summary>
    public static DeviceProfile? Find()
    {
        try
        {
            var first = CudaContext.ReadFirstProfile();
            return first.Problem is null ? first : null;
        }
        catch (CudaException)
        {
            return null;
        }
    }
}
