using Baka.Graph.Execution;
using Baka.Model.Recipes;
using Baka.Verification.Models;
using Baka.Verification.Operations;

namespace Baka.Verification.Checks;

/// <summary>All that is checked of a device.</summary>
public static class Catalog
{
    private const int Windows = 3;

    // So that a single number is not by chance left where it was.
    private const int Samples = 4;

    // Where a gate opens or closes by rounding, gradients jump: noise must have had its chance to do that.
    private const int SamplesOfGates = 16;

    private static readonly int[] Seeds = [1, 2, 3];

    private static readonly string[] Parts = ["attn", "step", "gates", "norms", "memory", "embed", "head", "layers.1-"];

    private static readonly string[] Remembering = ["everything", "xl over two windows", "repos with sinks and memory", "carried step side by side", "negator and norm", "mamba in every second layer", "mega side by side with mamba", "flip-flop over two windows", "recurrence with everything", "memory transformer with everything", "linear attention with everything", "linear attention side by side"];

    public static IReadOnlyList<Check> All(Precision precision) =>
    [
        .. OpCases.All.Keys.Select(name => Op(name, precision)),
        .. LargeOpCases.All.Keys.Select(name => LargeOp(name, precision)),
        .. ModelCases.Zoo.Select(model => Model(model.Key, precision, SamplesOfGates, device => TrainingSteps.Run(device, model.Value, Windows))),
        Model("everything, a row at a time", precision, SamplesOfGates, device => TrainingSteps.Run(device, ModelCases.Everything, Windows, rowsPerPass: 1)),
        .. Parts.Select(part => Model($"everything, {part} alone trained", precision, SamplesOfGates, device => TrainingSteps.Run(device, ModelCases.Everything, Windows, only: [part]))),
        Model("step and norms alone trained, a row at a time", precision, SamplesOfGates, device => TrainingSteps.Run(device, ModelCases.Everything, Windows, rowsPerPass: 1, only: ["step", "norms"])),
        .. ModelCases.Large.Select(model => Model(model.Key, precision, Samples, device => TrainingSteps.Run(device, model.Value, windows: 2))),
        Model("everything with heads of 64, a row at a time", precision, Samples, device => TrainingSteps.Run(device, ModelCases.Large["everything with heads of 64"], windows: 2, rowsPerPass: 1)),
        .. Remembering.Select(name => new MemoryCheck(name, ModelCases.Zoo[name], precision)),
        .. ModelCases.Large.Select(model => new RepetitionCheck(model.Key, device => TrainingSteps.Run(device, model.Value, windows: 2))),
    ];

    private static ComparisonCheck Op(string name, Precision precision) => new(
        "op",
        name,
        precision,
        Samples,
        [.. Seeds.SelectMany(seed => Carried(precision).Select(carried => Variant($"seed {seed}", carried, () => OpCases.Make(name, seed, carried))))]);

    private static ComparisonCheck LargeOp(string name, Precision precision) => new(
        "large op",
        name,
        precision,
        Samples,
        [.. Carried(precision).Select(carried => Variant("", carried, () => LargeOpCases.Make(name, carried)))]);

    private static ComparisonCheck Model(string name, Precision precision, int samples, Func<IDevice, IReadOnlyList<Measured>> train) =>
        new("model", name, precision, samples, [new("", train)]);

    /// <summary>Where activations are kept with fewer digits than the rest, both are checked.</summary>
    private static bool[] Carried(Precision precision) => precision == Precision.Bf16 ? [false, true] : [false];

    private static ComparisonCheck.Variant Variant(string label, bool carried, Func<OpCase> make) => new(
        carried ? $"{label} narrow".Trim() : label,
        device => [.. make().Run(device).Select(value => new Measured(value.Key, value.Value))]);
}
