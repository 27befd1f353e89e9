using Baka.Graph.Execution;

namespace Baka.Verification.Checks;

/// <summary>Something that must hold of a device.</summary>
/// <param name="group">Kind of the check.</param>
/// <param name="name">Unique in its group.</param>
public abstract class Check(string group, string name)
{
    public string Group { get; } = group;

    public string Name { get; } = name;

    /// <summary>Computes what the device is compared with. May be called on another thread than the rest, before it.</summary>
    internal virtual void Prepare()
    {
    }

    /// <summary>All that the device does in the check, without looking at what comes of it: devices that only plan can be asked too.</summary>
    internal abstract void Exercise(Func<IDevice> open);

    internal abstract Verdict Run(Func<IDevice> open);

    /// <summary>See <see cref="CheckResult"/>.</summary>
    internal readonly record struct Verdict(bool Passed, double? Error, double? Tolerance, string Detail);
}
