using System.CommandLine;
using System.Globalization;
using Baka.Cli.Options;
using Baka.Cli.Shell;
using Baka.Cli.Training;
using Baka.Data;
using Baka.Model.Recipes;
using Baka.Training.Runs;

namespace Baka.Cli.Commands;

/// <summary><c>baka train</c>: the main job.</summary>
internal sealed class TrainCommand : BakaCommand
{
    private const string QuickStart = "quickstart";

    private readonly Argument<string?> _recipe = new("RECIPE")
    {
        Description = $"A recipe file or the name of a built-in recipe ('baka recipes' lists them) [default: {QuickStart}]",
        Arity = ArgumentArity.ZeroOrOne,
    };

    private readonly Option<string[]> _data = Values.Texts("--data", "PATH", "File or folder of text to learn from (.txt, .md, .jsonl, each also .gz); may be given again [default: the documentation of the .NET SDK]");
    private readonly Option<string[]> _valid = Values.Texts("--valid", "PATH", "The same to be validated on [default: every 50th document of --data]");
    private readonly Option<string?> _out = Values.Text("--out", "DIR", "Folder of the run [default: runs/NAME-DATE]");
    private readonly Option<string> _device = Common.Device();
    private readonly Option<Precision?> _precision = Common.Precision();
    private readonly Option<int?> _steps = Values.Whole("--steps", "Steps to train: train.steps of the recipe", atLeast: 1);
    private readonly Option<double?> _minutes = Values.Number("--minutes", "M", "Minutes to train, instead of the recipe's steps; with --steps, whichever ends first", from: 0, exclusive: true);
    private readonly Option<string[]> _set = Common.Set();
    private readonly Option<string?> _resume = Values.Text("--resume", "DIR", "Continue a run exactly, from its folder or one of its checkpoints");
    private readonly Option<string?> _initFrom = Values.Text("--init-from", "CKPT", "Begin with the weights of a run or checkpoint, and nothing else of it");
    private readonly Option<int?> _seed = Values.Whole("--seed", "Decides initial weights and the order of the data: train.seed of the recipe", atLeast: 0);
    private readonly Option<int?> _threads = Common.Threads();
    private readonly Option<bool> _debug = Common.Debug();
    private readonly Option<bool> _json = Common.Json();

    public TrainCommand(Terminal terminal)
        : base(terminal, "train", "Train a model. Ctrl-C saves and ends; the same run can be resumed exactly")
    {
        Examples =
        [
            ("baka train", "a small model on the .NET documentation, in minutes"),
            ("baka train small --data books --minutes 20", "a larger one on your own text"),
            ("baka train mine.yaml --set xl.windows=2 --set train.optimizer.lr=5e-4", "your own recipe, changed for once"),
            ("baka train --resume runs/tiny-20260102-030405", "go on where a run was stopped or killed"),
            ("baka train --resume runs/tiny-20260102-030405 --steps 2000", "the same, for longer"),
        ];
        Add(_recipe, _data, _valid, _out, _device, _precision, _steps, _minutes, _set, _resume, _initFrom, _seed, _threads, _debug, _json);
    }

    protected override int Run(ParseResult arguments)
    {
        var request = arguments.GetValue(_resume) is { } run ? Resumed(arguments, run) : New(arguments);
        var view = TrainView.For(Terminal, arguments.GetValue(_json));
        var result = view.Show(observer => TrainingRun.Run(request, observer, Terminal.Interrupted));
        view.Conclude(result);
        if (result.End == TrainEnd.TooManyBadSteps)
            throw new UserException($"the loss was not finite for too many steps in a row; the last good checkpoint is {result.Checkpoint ?? "none"}: lower train.optimizer.lr, or look for the cause with --debug.");
        return 0;
    }

    private TrainRequest New(ParseResult arguments) => new(
        RecipeLoader.Load(arguments.GetValue(_recipe) ?? QuickStart, Overrides(arguments)),
        arguments.GetRequiredValue(_data),
        arguments.GetRequiredValue(_valid),
        arguments.GetValue(_out),
        Common.DeviceOf(arguments, _device, _precision, _threads, _debug),
        Resume: null,
        arguments.GetValue(_initFrom),
        CommandText(arguments));

    private TrainRequest Resumed(ParseResult arguments, string run)
    {
        Symbol[] own = [_recipe, _data, _valid, _out, _initFrom, _seed];
        if (own.FirstOrDefault(symbol => IsGiven(arguments, symbol)) is { } symbol)
            throw new UsageException($"{symbol.Name} can't be given with --resume, because a resumed run keeps its own.", "baka train");
        return TrainRequest.ToResume(run, Overrides(arguments), Common.DeviceOf(arguments, _device, _precision, _threads, _debug), CommandText(arguments));
    }

    /// <summary>Options that have a key in the recipe are that key.</summary>
    private List<string> Overrides(ParseResult arguments)
    {
        var overrides = new List<string>();
        var (steps, minutes) = (arguments.GetValue(_steps), arguments.GetValue(_minutes));
        if (steps is not null || minutes is not null)
        {
            overrides.Add($"train.steps={Write(steps)}");
            overrides.Add($"train.minutes={Write(minutes)}");
        }

        if (arguments.GetValue(_precision) is { } precision)
            overrides.Add($"precision={ChoiceName.Of(precision)}");
        if (arguments.GetValue(_seed) is { } seed)
            overrides.Add($"train.seed={seed}");
        overrides.AddRange(arguments.GetRequiredValue(_set));
        return overrides;
    }

    private static string Write<T>(T? value)
        where T : struct, IFormattable => value?.ToString(null, CultureInfo.InvariantCulture) ?? "null";

    private static bool IsGiven(ParseResult arguments, Symbol symbol) => symbol switch
    {
        Option option => arguments.GetResult(option) is { Implicit: false },
        Argument argument => arguments.GetResult(argument) is { Tokens.Count: > 0 },
        _ => false,
    };

    private static string CommandText(ParseResult arguments) =>
        string.Join(' ', arguments.Tokens.Select(token => ProgramName.Quote(token.Value)).Prepend("baka"));
}
