using Baka.Compiler.Plans;
using Baka.Graph.Execution;
using Baka.Model;
using Baka.Training.Devices;

namespace Baka.Training.Planning;

/// <summary>A device that training steps are compiled for, and that tells what they would take.</summary>
internal abstract class PlannedDevice : IDisposable
{
    public static PlannedDevice Open(DeviceChoice choice)
    {
        choice.Check();
        return choice.Name == DeviceChoice.Cuda ? new PlannedGpu(choice) : new PlannedCpu(choice);
    }

    public abstract IDevice Device { get; }

    /// <summary>What is planned for, in words.</summary>
    public abstract string Description { get; }

    /// <summary>Of the programs in the order they were loaded.</summary>
    public abstract IReadOnlyList<Plan> Plans { get; }

    /// <summary>Predicted at the peak, once all programs are loaded.</summary>
    /// <param name="rows">B.</param>
    public abstract IReadOnlyList<MemoryPart> Memory(LanguageModel model, int rows);

    public abstract void Dispose();
}
