using System.Text.RegularExpressions;
using Baka.Compiler.Plans;
using Baka.Cuda.Execution;
using Baka.Graph.Execution;
using Baka.Training.Devices;
using Baka.Training.Planning;

namespace Baka.Training.Benchmarks;

internal sealed partial class BenchedGpu(DeviceChoice choice) : BenchedDevice
{
    private const int Repetitions = 10;

    private readonly CudaDevice _device = new(choice.CudaPrecision, DeviceChoice.CudaCache);

    public override IDevice Device => _device;

    public override string Description => $"{_device.Name}, {choice.PrecisionName}";

    public override IReadOnlyList<Plan> Plans => [.. _device.Programs.Select(p => p.Plan)];

    public override IReadOnlyList<MemoryPart> Memory => MemoryPart.Of(_device.Memory);

    public override long? UsedBytes => _device.TotalBytes - _device.FreeBytes;

    public override double MeasurePeak() => _device.MeasureProductRate();

    public override IReadOnlyList<KernelTime> MeasureKernels(Func<int, int> runs, double peak)
    {
        var bandwidth = _device.MeasureCopyRate();
        double Floor(StepTime step) => 1e3 * Math.Max(step.Flops / peak, step.Bytes / bandwidth);
        return
        [
            .. _device.Programs
                .SelectMany((program, i) => program.Measure(Repetitions).Select(step => (Step: step, Runs: runs(i))))
                .GroupBy(timed => (timed.Step.Kind, Module: LayerNumber().Replace(timed.Step.Module, "")))
                .Select(group => new KernelTime(
                    group.Key.Kind,
                    group.Key.Module,
                    group.Sum(timed => timed.Runs * timed.Step.Launches),
                    group.Sum(timed => timed.Runs * timed.Step.Milliseconds),
                    group.Sum(timed => timed.Runs * Floor(timed.Step))))
                .OrderByDescending(time => time.Milliseconds),
        ];
    }

    public override void Dispose() => _device.Dispose();

    [GeneratedRegex(@"\.\d+")]
    private static partial Regex LayerNumber();
}
