using Baka.Compiler.Plans;
using Baka.Cuda.Execution;
using Baka.Graph.Execution;
using Baka.Model;
using Baka.Training.Devices;

namespace Baka.Training.Planning;

/// <summary>The GPU's own memory counts, without what the driver keeps for itself.</summary>
internal sealed class PlannedGpu(DeviceChoice choice) : PlannedDevice
{
    private readonly CudaPlanner _device = new(choice.CudaPrecision);

    public override IDevice Device => _device;

    public override string Description => $"{_device.Name}, {choice.PrecisionName}";

    public override IReadOnlyList<Plan> Plans => _device.Plans;

    public override IReadOnlyList<MemoryPart> Memory(LanguageModel model, int rows) => MemoryPart.Of(_device.Memory);

    public override void Dispose() => _device.Dispose();
}
