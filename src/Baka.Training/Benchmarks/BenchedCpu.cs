using Baka.Compiler.Plans;
using Baka.Cpu.Execution;
using Baka.Cpu.Gemm;
using Baka.Graph.Execution;
using Baka.Training.Devices;

namespace Baka.Training.Benchmarks;

internal sealed class BenchedCpu(DeviceChoice choice) : BenchedDevice
{
    private readonly CpuDevice _device = new(choice.Threads);

    public override IDevice Device => _device;

    public override string Description => $"{choice.Threads} threads";

    public override IReadOnlyList<Plan> Plans => [.. _device.Programs.Select(p => p.Plan)];

    public override double MeasurePeak() => 1e9 * Sgemm.MeasurePeak(_device.Team);

    public override void Dispose() => _device.Dispose();
}
