using Baka.Cpu.Execution;
using Baka.Data;
using Baka.Graph.Execution;
using Baka.Graph.Reference;

namespace Baka.Training.Devices;

/// <summary>Which device to compute on.</summary>
/// <param name="Name">"cpu".</param>
/// <param name="Threads">That compute.</param>
/// <param name="Debug">Evaluate node by node with the reference kernels and stop at the first NaN or infinity.</param>
public sealed record DeviceChoice(string Name, int Threads, bool Debug)
{
    /// <summary>All processors of this machine.</summary>
    public static DeviceChoice Default { get; } = new("cpu", Environment.ProcessorCount, Debug: false);

    /// <exception cref="UserException">There is no such device here.</exception>
    public IDevice Create()
    {
        if (Threads < 1)
        {
            throw new UserException($"The number of threads is {Threads}, but it must be at least 1.");
        }

        return Name switch
        {
            "cpu" => Debug ? new ReferenceDevice(stopAtNonFinite: true) : new CpuDevice(Threads),
            "cuda" => throw new UserException("The device 'cuda' is not built yet: use 'cpu'."),
            _ => throw new UserException($"There is no device '{Name}': use 'cpu'."),
        };
    }
}
