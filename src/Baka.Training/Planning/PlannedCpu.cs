using Baka.Compiler.Plans;
using Baka.Cpu.Execution;
using Baka.Cpu.Gemm;
using Baka.Graph.Execution;
using Baka.Model;
using Baka.Training.Devices;

namespace Baka.Training.Planning;

/// <summary>The process's resident memory counts.</summary>
internal sealed class PlannedCpu(DeviceChoice choice) : PlannedDevice
{
    // What a process grows by when the kernels run for the first time and are compiled, which a plan doesn't do: 18 to
    // 29 MB, measured as the resident peak of 'baka bench' less all else, for the presets tiny and small.
    private const long KernelCode = 22_000_000;

    private readonly CpuDevice _device = new(choice.Threads, MemoryUse.Reserved);

    public override IDevice Device => _device;

    public override string Description => $"{choice.Threads} threads";

    public override IReadOnlyList<Plan> Plans => [.. _device.Programs.Select(p => p.Plan)];

    public override IReadOnlyList<MemoryPart> Memory(LanguageModel model, int rows)
    {
        foreach (var program in _device.Programs)
        {
            program.Prepare();
        }

        var parameters = model.Parameters.Sum(p => p.Shape.Count) * sizeof(float);
        var carry = model.Carry(rows).Sum(c => c.Shape.Count) * sizeof(float);
        var buffers = _device.Programs.Sum(p => p.Plan.InputOutputBytes) + Sgemm.ScratchBytes(_device.Team.Size);

        // As training does before its first step.
        ManagedMemory.Release();
        return
        [
            new("parameters", "parameters", parameters),
            new("optimizer", "optimizer", _device.VariableBytes - parameters - carry),
            new("carry", "carried from step to step", carry),
            new("arena", "activations and gradients", _device.ArenaBytes),
            new("scratch", "working space of kernels", _device.ScratchBytes + buffers),
            new(MemoryReport.Runtime, "the program itself", Environment.WorkingSet - _device.ScratchBytes + KernelCode),
        ];
    }

    public override void Dispose() => _device.Dispose();
}
