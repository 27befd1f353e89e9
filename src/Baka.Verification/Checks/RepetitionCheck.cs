using Baka.Graph.Execution;

namespace Baka.Verification.Checks;

/// <summary>The same computation gives the same bits.</summary>
internal sealed class RepetitionCheck(string name, Func<IDevice, IReadOnlyList<Measured>> compute) : Check("repetition", name)
{
    internal override void Exercise(Func<IDevice> open) => Compute(open);

    internal override Verdict Run(Func<IDevice> open)
    {
        var (first, second) = (Compute(open), Compute(open));
        var differing = first.Zip(second)
            .Select(pair => (pair.First.Name, Count: pair.First.Values.Zip(pair.Second.Values).Count(v => BitConverter.SingleToInt32Bits(v.First) != BitConverter.SingleToInt32Bits(v.Second))))
            .MaxBy(pair => pair.Count);
        return new Verdict(differing.Count == 0, differing.Count, 0, differing.Count == 0 ? "the same bits" : $"numbers of {differing.Name} that differ");
    }

    private IReadOnlyList<Measured> Compute(Func<IDevice> open)
    {
        using var device = open();
        return compute(device);
    }
}
