using System.Diagnostics;
using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Training.Runs;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace Baka.Cli.Training;

/// <summary>A picture on the screen: progress, figures, time left, and the curve of the loss.</summary>
internal sealed class LiveTrainView(Terminal terminal) : TrainView
{
    private const int ChartHeight = 8;
    private const int BarWidth = 40;
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);
    private static readonly TimeSpan ShownOver = TimeSpan.FromSeconds(2);

    private readonly LineChart _chart = new("step");
    private readonly RecentSteps _recent = new();
    private LiveDisplayContext? _display;
    private long _drawn;
    private string _stage = "";
    private string _notice = "";
    private RunPlan? _plan;
    private StepMetrics _step;
    private TrainProgress _progress;
    private double _loss = double.NaN;
    private double _speed;
    private EvaluationMetrics? _evaluation;
    private double _best = double.PositiveInfinity;

    public override TrainResult Show(Func<ITrainObserver, TrainResult> train)
    {
        TrainResult? result = null;
        var announce = terminal.Announce;
        // A line written into the picture would tear it.
        terminal.Announce = text => _notice = text;
        try
        {
            terminal.Screen.Live(new Text("")).Start(display =>
            {
                _display = display;
                result = train(this);
                _stage = "";
                Draw();
            });
        }
        finally
        {
            terminal.Announce = announce;
        }

        return result!;
    }

    public override void Conclude(TrainResult result) => TrainReport.Write(result, terminal);

    public override void Stage(string what, double? fraction)
    {
        var stage = fraction is { } share ? $"{what}… {(int)(100 * share)} %" : $"{what}…";
        if (stage == _stage)
            return;
        _stage = stage;
        DrawSometimes();
    }

    public override void Message(string line)
    {
        _notice = line;
        Draw();
    }

    public override void Started(RunPlan plan)
    {
        _plan = plan;
        _stage = "";
        Draw();
    }

    public override void Step(in StepMetrics step, TrainProgress progress)
    {
        (_step, _progress, _stage) = (step, progress, "");
        _chart.Add(step.Step, step.Loss);
        _recent.Add(step);
        if (_recent.Span > ShownOver)
        {
            (_loss, _speed) = (_recent.Loss, _recent.TokensPerSecond);
            _recent.Clear();
        }
        else if (double.IsNaN(_loss))
        {
            (_loss, _speed) = (step.Loss, step.TokensPerSecond);
        }

        DrawSometimes();
    }

    public override void Evaluated(in EvaluationMetrics evaluation)
    {
        if (evaluation.Split != "valid")
            return;
        _evaluation = evaluation;
        _best = Math.Min(_best, evaluation.Loss);
        _stage = "";
        Draw();
    }

    public override void Saved(string folder, bool best)
    {
        // The end of the run says where they are.
    }

    private void DrawSometimes()
    {
        if (Stopwatch.GetElapsedTime(_drawn) > Interval)
            Draw();
    }

    private void Draw()
    {
        _drawn = Stopwatch.GetTimestamp();
        var lines = new List<string>();
        if (_plan is not null)
            lines.AddRange([TrainText.Describe(_plan), ""]);
        if (_progress.Step > 0)
        {
            lines.AddRange([Bar(), Learning(), Validation()]);
            if (_chart.Draw(Math.Min(terminal.Screen.Profile.Width - 1, 100), ChartHeight) is { Count: > 0 } chart)
                lines.AddRange(["", .. chart]);
        }

        if (_stage.Length > 0)
            lines.Add(_stage);
        if (_notice.Length > 0)
            lines.Add(_notice);
        _display?.UpdateTarget(new Rows(lines.Select(IRenderable (line) => new Text(line))));
        _display?.Refresh();
    }

    private string Bar()
    {
        var full = (int)Math.Round(BarWidth * _progress.Fraction);
        var steps = _progress.TotalSteps is { } total ? $"step {_progress.Step}/{total}" : $"step {_progress.Step}";
        return $"{new string('█', full)}{new string('░', BarWidth - full)} {100 * _progress.Fraction:F0} %  {steps}  epoch {_progress.Epoch + 1}  {Figures.Duration(_progress.Left)} left";
    }

    private string Learning() =>
        $"loss {Figures.Loss(_loss)}   {Figures.Count((long)_speed)} tokens/s   lr {Figures.Invariant($"{_step.LearningRate:G3}")}   gradient {Figures.Short(_step.GradNorm)}";

    private string Validation() => _evaluation is not { } evaluation
        ? "validation: not yet"
        : $"validation {Figures.Loss(evaluation.Loss)} at step {evaluation.Step}   best {Figures.Loss(_best)}   {TrainText.Quality(evaluation)}";
}
