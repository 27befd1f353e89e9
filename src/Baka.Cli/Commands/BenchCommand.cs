using System.CommandLine;
using Baka.Cli.Options;
using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Model.Recipes;
using Baka.Training.Benchmarks;
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
    private readonly Option<int?> _steps = Values.Whole("--steps", $"Steps to measure [default: {UsualSteps}]", atLeast: 1);
    private readonly Option<string[]> _set = Common.Set();
    private readonly Option<string> _device = Common.Device();
    private readonly Option<Precision?> _precision = Common.Precision();
    private readonly Option<int?> _threads = Common.Threads();
    private readonly Option<bool> _json = Common.Json();

    public BenchCommand(Terminal terminal)
        : base(terminal, "bench", "Measure training steps on random tokens: speed, share of the matrix product's own speed, memory")
    {
        Examples =
        [
            ("baka bench", "the preset small"),
            ("baka bench --preset small --batch 4 --windows 4", "the project's yardstick on two cores"),
            ("baka bench --preset small --set memory.tokens=16", "with recurrent memory, one window after the other"),
            ("baka bench --preset rmt-16 --set xl.windows=2 --json", ""),
        ];
        Add(_preset, _batch, _windows, _steps, _set, _device, _precision, _threads, _json);
    }

    protected override int Run(ParseResult arguments)
    {
        var recipe = Recipe(arguments.GetValue(_preset) ?? UsualPreset, arguments.GetRequiredValue(_set));
        var rows = arguments.GetValue(_batch) ?? recipe.Train.Batch;
        var windows = arguments.GetValue(_windows) ?? recipe.Train.WindowsPerStep;
        var device = Common.DeviceOf(arguments, _device, _precision, _threads);
        var report = BenchRun.Run(recipe.Model, recipe.Train, rows, windows, arguments.GetValue(_steps) ?? UsualSteps, device, progress: null, Terminal.Interrupted);
        if (arguments.GetValue(_json))
        {
            Terminal.WriteLine(Json.Line(new
            {
                Recipe = recipe.Name, Batch = rows, Windows = windows, recipe.Model.Window, device.Threads, report.Parameters, report.TokensPerStep, report.Steps,
                TokensPerS = report.TokensPerSecond, MsPerStep = report.MillisecondsPerStep, report.FlopsPerStep, report.Gflops, report.PeakGflops, report.ShareOfPeak,
                report.PeakResidentBytes, report.ManagedBytesPerStep, PreparationS = report.Preparation.TotalSeconds,
            }));
            return 0;
        }

        Terminal.Screen.Write(Tables.Facts(
        [
            ("recipe", $"{recipe.Name} with {recipe.Model.Memory.Tokens} memory tokens: {Figures.Count(report.Parameters)} parameters"),
            ("step", $"{rows} rows × {windows} windows × {recipe.Model.Window} tokens = {Figures.Count(report.TokensPerStep)} tokens"),
            ("speed", Figures.Invariant($"{Figures.Count((long)report.TokensPerSecond)} tokens/s, {report.MillisecondsPerStep:F1} ms a step (median of {report.Steps})")),
            ("arithmetic", Figures.Invariant($"{report.Gflops:F0} GFLOP/s, {100 * report.ShareOfPeak:F1} % of the matrix product's {report.PeakGflops:F0} on {device.Threads} threads")),
            ("peak memory", $"{ByteSize.Format(report.PeakResidentBytes)} resident"),
            ("managed memory", $"{ByteSize.Format(report.ManagedBytesPerStep)} allocated a step"),
            ("preparation", $"{Figures.Duration(report.Preparation)} from recipe to program"),
        ]));
        return 0;
    }

    /// <summary>Presets are compared by their cores, all windows of a step side by side.</summary>
    private static Recipe Recipe(string name, string[] overrides)
    {
        var isCore = RecipeLoader.Presets.Contains(name) && !overrides.Any(o => o.StartsWith("memory.", StringComparison.Ordinal));
        return RecipeLoader.Load(name, isCore ? ["memory.tokens=0", .. overrides] : overrides);
    }
}
