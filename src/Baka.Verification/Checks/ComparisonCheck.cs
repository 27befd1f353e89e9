using Baka.Graph.Execution;
using Baka.Graph.Reference;
using Baka.Model.Recipes;

namespace Baka.Verification.Checks;

/// <summary>Some computations whose results must equal the reference's.</summary>
internal sealed class ComparisonCheck : Check
{
    private readonly Precision _precision;
    private readonly int _samples;
    private readonly IReadOnlyList<Variant> _variants;
    private readonly Lazy<IReadOnlyList<Expectation>> _expected;

    /// <param name="samples">Of rounding noise.</param>
    public ComparisonCheck(string group, string name, Precision precision, int samples, IReadOnlyList<Variant> variants)
        : base(group, name)
    {
        (_precision, _samples, _variants) = (precision, samples, variants);
        _expected = new(() => [.. _variants.Select(Expect)]);
    }

    /// <param name="Label">Told with the result; empty where there is one variant.</param>
    /// <param name="Compute">The results on a new device, always the same names in the same order.</param>
    internal sealed record Variant(string Label, Func<IDevice, IReadOnlyList<Measured>> Compute);

    internal override void Prepare() => _ = _expected.Value;

    internal override void Exercise(Func<IDevice> open)
    {
        foreach (var variant in _variants)
        {
            Compute(variant, open);
        }
    }

    internal override Verdict Run(Func<IDevice> open)
    {
        var found = new List<(string Label, Deviation Deviation)>();
        for (var i = 0; i < _variants.Count; i++)
        {
            var actual = Compute(_variants[i], open);
            found.Add((_variants[i].Label, Deviation.Worst(_precision, _expected.Value[i].Exact, _expected.Value[i].Noisy, actual)));
        }

        var (label, worst) = found.MaxBy(f => f.Deviation.Weight);
        return new Verdict(worst.IsTolerable, worst.Error, worst.Tolerance, label.Length == 0 ? worst.Where : $"{worst.Where} ({label})");
    }

    private static IReadOnlyList<Measured> Compute(Variant variant, Func<IDevice> open)
    {
        using var device = open();
        return variant.Compute(device);
    }

    private Expectation Expect(Variant variant)
    {
        using var exact = new ReferenceDevice();
        return new Expectation(variant.Compute(exact), [.. Enumerable.Range(1, _samples).Select(seed => Noisy(variant, seed))]);
    }

    private IReadOnlyList<Measured> Noisy(Variant variant, int seed)
    {
        using var device = new ReferenceDevice(disturb: new RoundingNoise(_precision, seed).Disturb);
        return variant.Compute(device);
    }

    private sealed record Expectation(IReadOnlyList<Measured> Exact, IReadOnlyList<IReadOnlyList<Measured>> Noisy);
}
