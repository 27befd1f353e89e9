using System.Collections.Concurrent;
using Baka.Cpu.Execution;
using Baka.Cuda.Execution;
using Baka.Cuda.Interop;
using Baka.Data;
using Baka.Graph.Execution;
using Baka.Verification;
using Baka.Verification.Checks;

namespace Baka.Training.Devices;

/// <summary>Makes devices for checks, their memory full of NaN before every run, so that a read before the first write shows.</summary>
public sealed class TestedDevice : IDisposable
{
    private readonly DeviceChoice _choice;

    // While it lives the driver keeps its context, so that the devices of single checks come and go quickly.
    private readonly CudaDevice? _cuda;

    /// <exception cref="UserException">There is no such device or precision.</exception>
    public TestedDevice(DeviceChoice choice)
    {
        choice.Check();
        _choice = choice;
        _cuda = choice.Name == DeviceChoice.Cuda ? new CudaDevice(choice.CudaPrecision, DeviceChoice.CudaCache) : null;
    }

    public IDevice Open() =>
        _cuda is null ? new CpuDevice(_choice.Threads, MemoryUse.Poisoned) : new CudaDevice(_choice.CudaPrecision, DeviceChoice.CudaCache, poison: true);

    /// <summary>Compiles what the checks need at once, where that takes time.</summary>
    public void Compile(IReadOnlyList<Check> checks)
    {
        if (_cuda is null)
        {
            return;
        }

        var planners = new ConcurrentBag<CudaPlanner>();
        Verifier.Exercise(checks, () =>
        {
            var planner = _cuda.CreatePlanner();
            planners.Add(planner);
            return planner;
        });
        try
        {
            _cuda.Compile(planners);
        }
        catch (CudaException)
        {
            // A kernel can't be compiled: the checks that need it will tell.
        }
    }

    public void Dispose() => _cuda?.Dispose();
}
