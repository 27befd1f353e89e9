using System.CommandLine;
using Baka.Cli.Options;
using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Cli.Training;
using Baka.Model.Recipes;
using Baka.Training.Devices;
using Baka.Training.Planning;
using Spectre.Console;

namespace Baka.Cli.Commands;

/// <summary><c>baka plan</c>: what a training step is compiled to, and what it would take.</summary>
internal sealed class PlanCommand : BakaCommand
{
    private readonly Argument<string> _recipe = new("RECIPE") { Description = "A recipe file or the name of a built-in recipe" };
    private readonly Option<int?> _batch = Values.Whole("--batch", "Rows: documents read side by side [default: the recipe's]", atLeast: 1);
    private readonly Option<long?> _memory = Values.Memory("--memory", "Tell the largest batch that fits in this; GB are 1000³ and GiB 1024³ bytes");
    private readonly Option<string[]> _set = Common.Set();
    private readonly Option<string> _device = Common.Device();
    private readonly Option<Precision?> _precision = Common.Precision();
    private readonly Option<int?> _threads = Common.Threads();
    private readonly Option<bool> _json = Common.Json();

    public PlanCommand(Terminal terminal)
        : base(terminal, "plan", "Show what a training step is compiled to: kernels, arithmetic, memory")
    {
        Examples =
        [
            ("baka plan small", "kernels, FLOPs, bytes and predicted peak memory of a step"),
            ("baka plan baka-12 --memory 16GB", "and the largest batch that fits in 16 GB"),
            ("baka plan baka-12 --device cuda --memory 16GB", "on a GPU, which need not be there"),
            ("baka plan small --batch 16 --set memory.tokens=32", ""),
            ("baka plan small --set train.only=[attn,step]", "what it takes to train two parts alone"),
        ];
        Add(_recipe, _batch, _memory, _set, _device, _precision, _threads, _json);
    }

    protected override int Run(ParseResult arguments)
    {
        var recipe = RecipeLoader.Load(arguments.GetRequiredValue(_recipe), arguments.GetRequiredValue(_set));
        var device = Common.DeviceOf(arguments, _device, _precision, _threads).Preferring(recipe.Precision);
        var windows = recipe.Train.WindowsPerStep;
        var plan = PlanRun.Create(recipe, arguments.GetValue(_batch) ?? recipe.Train.Batch, windows, device);
        var memory = arguments.GetValue(_memory);
        var largest = memory is { } limit ? PlanRun.LargestBatch(recipe, windows, device, limit) : default(int?);

        // Training on a GPU computes fewer rows at a time where not all fit.
        var byRows = memory is { } bytes && device.Name == DeviceChoice.Cuda && recipe.Train.RowsPerPass is null
            ? PlanRun.LargestBatch(recipe with { Train = recipe.Train with { RowsPerPass = 1 } }, windows, device, bytes)
            : default(int?);
        if (arguments.GetValue(_json))
            WriteJson(recipe, plan, largest, byRows);
        else
            Write(recipe, plan, device, memory, largest, byRows);
        return 0;
    }

    private void WriteJson(Recipe recipe, PlanReport plan, int? largest, int? byRows) => Terminal.WriteLine(Json.Line(new
    {
        Recipe = recipe.Name,
        Plan = new
        {
            plan.Device,
            plan.Rows,
            plan.Windows,
            plan.TokensPerStep,
            plan.ParameterCount,
            plan.TrainedCount,
            plan.Kernels,
            Memory = plan.Memory.Parts.Select(part => (part.Key, part.Bytes)).Append(("peak", plan.Memory.Peak)).ToDictionary(),
            plan.Flops,
            plan.Bytes,
        },
        LargestBatch = largest,
        LargestBatchByRows = byRows,
    }));

    private void Write(Recipe recipe, PlanReport plan, DeviceChoice device, long? memory, int? largest, int? byRows)
    {
        Terminal.Screen.Write(Tables.Facts(
        [
            ("recipe", $"{recipe.Name}: {TrainText.Parameters(recipe, plan.ParameterCount, plan.TrainedCount)}"),
            ("device", plan.Device),
            ("step", $"{plan.Rows} rows × {plan.Windows} windows × {recipe.Model.Window} tokens = {Figures.Count(plan.TokensPerStep)} tokens"),
        ]));

        var kernels = Tables.Figures("kernels of a step", "launches", "GFLOP", "share", "moved");
        foreach (var kernel in plan.Kernels)
            kernels.Row(kernel.Kind, Figures.Count(kernel.Count), Gflop(kernel.Flops), Figures.Invariant($"{100.0 * kernel.Flops / Math.Max(1, plan.Flops):F1} %"), ByteSize.Format(kernel.Bytes));
        kernels.Row("all", Figures.Count(plan.Kernels.Sum(kernel => (long)kernel.Count)), Gflop(plan.Flops), "", ByteSize.Format(plan.Bytes));
        Terminal.Screen.Write(kernels);

        var parts = Tables.Figures("memory", "size");
        foreach (var part in plan.Memory.Parts)
            parts.Row(part.Purpose, ByteSize.Format(part.Bytes));
        parts.Row("predicted peak", ByteSize.Format(plan.Memory.Peak));
        Terminal.Screen.Write(parts);
        if (device.Name == DeviceChoice.Cuda)
            Terminal.WriteLine("The driver keeps some hundred megabytes of the GPU for itself besides.");

        if (largest is { } rows)
        {
            Terminal.WriteLine(rows == 0
                ? $"Not even a batch of 1 fits in {ByteSize.Format(memory!.Value)}."
                : $"The largest batch that fits in {ByteSize.Format(memory!.Value)} is {rows}: --set train.batch={rows}");
        }

        if (byRows > largest)
            Terminal.WriteLine($"Computed a row at a time, {byRows}: --set train.batch={byRows} --set train.rows_per_pass=1");
    }

    private static string Gflop(long flops) => Figures.Invariant($"{flops * 1e-9:F2}");
}
