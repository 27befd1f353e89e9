using Baka.Compiler.Plans;
using Baka.Data;
using Baka.Graph.Execution;
using Baka.Training.Devices;
using Baka.Training.Planning;

namespace Baka.Training.Benchmarks;

/// <summary>A device whose speed is measured.</summary>
internal abstract class BenchedDevice : IDisposable
{
    /// <exception cref="UserException">There is no such device, or it is not made for speed.</exception>
    public static BenchedDevice Open(DeviceChoice choice)
    {
        choice.Check();
        if (choice.Debug)
        {
            throw new UserException("The debugging device is slow by design: measure without --debug.");
        }

        return choice.Name == DeviceChoice.Cuda ? new BenchedGpu(choice) : new BenchedCpu(choice);
    }

    public abstract IDevice Device { get; }

    /// <summary>What computes, in words.</summary>
    public abstract string Description { get; }

    /// <summary>Of the programs in the order they were loaded.</summary>
    public abstract IReadOnlyList<Plan> Plans { get; }

    /// <summary>Memory of the device's own, by what it is for; none where it is the process's.</summary>
    public virtual IReadOnlyList<MemoryPart> Memory => [];

    /// <summary>Memory of the device that is not free, whoever holds it; null where it is the process's.</summary>
    public virtual long? UsedBytes => null;

    /// <summary>Floating-point operations a second of the bare matrix product.</summary>
    public abstract double MeasurePeak();

    /// <summary>Times of the kernels of the programs, each by itself; null where there is no telling.</summary>
    /// <param name="runs">How often a step runs each program.</param>
    public virtual IReadOnlyList<KernelTime>? MeasureKernels(Func<int, int> runs, double peak) => null;

    public abstract void Dispose();
}
