using System.CommandLine;
using Baka.Cli.Options;
using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Model.Recipes;
using Baka.Training.Benchmarks;
using Baka.Training.Devices;
using Spectre.Console;

namespace Baka.Cli.Commands;

/// <summary><c>baka bench</c>: how fast training steps are.</summary>
internal sealed class BenchCommand : BakaCommand
{
    private const string UsualPreset = "small";
    private const int UsualSteps = 20;

    private readonly Option<string?> _preset = Values.Text("--preset", "P", $"A preset, measured without recurrent memory unless --set says otherwise, or any other recipe as it is [default: {UsualPreset}]");
    private readonly Option<int?> _batch = Values.Whole("--batch", "Rows: documents read side by side [default: the recipe's]", atLeast: 1);
    private readonly Option<int?> _windows = Values.Whole("--windows", "Windows of every row in a step [default: the recipe's]", atLeast: 1);
    private readonly Option<int?> _rowsPerPass = Values.Whole("--rows-per-pass", "Rows computed at a time: train.rows_per_pass of the recipe [default: as many as fit]", atLeast: 1);
    private readonly Option<int?> _steps = Values.Whole("--steps", $"Steps to measure [default: {UsualSteps}]", atLeast: 1);
    private readonly Option<string[]> _set = Common.Set();
    private readonly Option<string> _device = Common.Device();
    private readonly Option<Precision?> _precision = Common.Precision();
    private readonly Option<int?> _threads = Common.Threads();
    private readonly Option<bool> _breakdown = Values.Switch("--breakdown", "On a GPU: the time of every kind of kernel, beside the least that it could take");
    private readonly Option<bool> _json = Common.Json();

    public BenchCommand(Terminal terminal)
        : base(terminal, "bench", "Measure training steps on random tokens: speed, share of the matrix product's own speed, memory")
    {
        Examples =
        [
            ("baka bench", "the preset small"),
            ("baka bench --preset small --batch 4 --windows 4", "the project's yardstick on two cores"),
            ("baka bench --preset small --set memory.tokens=16", "with recurrent memory, one window after the other"),
            ("baka bench --preset baka-12 --device cuda --batch 8 --breakdown", "a GPU, kernel by kernel"),
            ("baka bench --preset rmt-16 --set xl.windows=2 --json", ""),
        ];
        Add(_preset, _batch, _windows, _rowsPerPass, _steps, _set, _device, _precision, _threads, _breakdown, _json);
    }

    protected override int Run(ParseResult arguments)
    {
        var recipe = Recipe(arguments.GetValue(_preset) ?? UsualPreset, arguments.GetRequiredValue(_set));
        var rows = arguments.GetValue(_batch) ?? recipe.Train.Batch;
        var windows = arguments.GetValue(_windows) ?? recipe.Train.WindowsPerStep;
        var train = recipe.Train with { RowsPerPass = arguments.GetValue(_rowsPerPass) ?? recipe.Train.RowsPerPass };
        var device = Common.DeviceOf(arguments, _device, _precision, _threads).Preferring(recipe.Precision);
        var report = BenchRun.Run(
            recipe.Model, train, rows, windows, arguments.GetValue(_steps) ?? UsualSteps, device, arguments.GetValue(_breakdown), Terminal.Interrupted);
        if (arguments.GetValue(_json))
            WriteJson(recipe, rows, windows, device, report);
        else
            WriteTables(recipe, rows, windows, report);
        return 0;
    }

    private void WriteJson(Recipe recipe, int rows, int windows, DeviceChoice device, BenchReport report) => Terminal.WriteLine(Json.Line(new
    {
        Recipe = recipe.Name,
        Batch = rows,
        Windows = windows,
        report.RowsPerPass,
        recipe.Model.Window,
        report.Device,
        device.Threads,
        report.Parameters,
        report.TokensPerStep,
        report.Steps,
        TokensPerS = report.TokensPerSecond,
        MsPerStep = report.MillisecondsPerStep,
        report.FlopsPerStep,
        report.Gflops,
        report.PeakGflops,
        report.ShareOfPeak,
        report.PeakResidentBytes,
        report.ManagedBytesPerStep,
        PreparationS = report.Preparation.Total.TotalSeconds,
        FirstStepS = report.FirstStep.TotalSeconds,
        DeviceMemory = report.DeviceMemory.ToDictionary(part => part.Key, part => part.Bytes),
        report.DeviceBytes,
        report.DeviceUsedBytes,
        report.Kernels,
    }));

    private void WriteTables(Recipe recipe, int rows, int windows, BenchReport report)
    {
        Terminal.Screen.Write(Tables.Facts(
        [
            ("recipe", $"{recipe.Name} with {recipe.Model.Memory.Tokens} memory tokens: {Figures.Count(report.Parameters)} parameters"),
            ("step", $"{rows} rows × {windows} windows × {recipe.Model.Window} tokens = {Figures.Count(report.TokensPerStep)} tokens{(report.RowsPerPass < rows ? $", {report.RowsPerPass} rows at a time" : "")}"),
            ("device", report.Device),
            ("speed", Figures.Invariant($"{Figures.Count((long)report.TokensPerSecond)} tokens/s, {report.MillisecondsPerStep:F1} ms a step (median of {report.Steps})")),
            ("arithmetic", $"{Rate(report.Gflops)}, {Figures.Invariant($"{100 * report.ShareOfPeak:F1}")} % of the matrix product's {Rate(report.PeakGflops)}"),
            .. Memory(report),
            ("managed memory", $"{ByteSize.Format(report.ManagedBytesPerStep)} allocated a step"),
            ("preparation", $"{Figures.Duration(report.Preparation.Total)}: device {Figures.Duration(report.Preparation.Device)}, program {Figures.Duration(report.Preparation.Program)}, initial parameters {Figures.Duration(report.Preparation.Parameters)}; first step done {Figures.Duration(report.FirstStep)} after the start of the process"),
        ]));
        if (report.Kernels is { } kernels)
            WriteKernels(kernels, report.MillisecondsPerStep);
    }

    private static IEnumerable<(string Name, string Value)> Memory(BenchReport report)
    {
        if (report.DeviceUsedBytes is { } used)
        {
            yield return ("memory of the GPU", $"{ByteSize.Format(report.DeviceBytes)} for training; {ByteSize.Format(used)} taken in all, the driver and other programs included");
            foreach (var part in report.DeviceMemory)
                yield return ("", $"{ByteSize.Format(part.Bytes)} {part.Purpose}");
        }

        yield return ("peak memory", $"{ByteSize.Format(report.PeakResidentBytes)} resident");
    }

    private void WriteKernels(IReadOnlyList<KernelTime> kernels, double step)
    {
        var table = Tables.Figures("kernels, each timed by itself", "of", "launches", "ms", "share", "floor ms", "times floor");
        var all = kernels.Sum(kernel => kernel.Milliseconds);
        foreach (var kernel in kernels)
            table.Row(kernel.Kind, kernel.Module, Figures.Count(kernel.Launches), Ms(kernel.Milliseconds), Figures.Invariant($"{100 * kernel.Milliseconds / all:F1} %"), Ms(kernel.FloorMilliseconds), Times(kernel.TimesFloor));
        var floor = kernels.Sum(kernel => kernel.FloorMilliseconds);
        table.Row("all", "", Figures.Count(kernels.Sum(kernel => kernel.Launches)), Ms(all), "", Ms(floor), Times(all / floor));
        table.Row("the step as it is run", "", "", Ms(step), "", Ms(floor), Times(step / floor));
        Terminal.Screen.Write(table);
    }

    private static string Ms(double milliseconds) => Figures.Invariant($"{milliseconds:F3}");

    private static string Times(double ratio) => double.IsFinite(ratio) ? Figures.Invariant($"{ratio:F2}") : "–";

    private static string Rate(double gflops) => gflops < 10_000 ? Figures.Invariant($"{gflops:F0} GFLOP/s") : Figures.Invariant($"{gflops / 1000:F0} TFLOP/s");

    /// <summary>Presets are compared by their cores, all windows of a step side by side.</summary>
    private static Recipe Recipe(string name, string[] overrides)
    {
        var isCore = RecipeLoader.Presets.Contains(name) && !overrides.Any(o => o.StartsWith("memory.", StringComparison.Ordinal));
        return RecipeLoader.Load(name, isCore ? ["memory.tokens=0", .. overrides] : overrides);
    }
}
