using System.Diagnostics;
using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Training.Runs;

namespace Baka.Cli.Training;

/// <summary>Lines for a log: one every few seconds, and one for every evaluation.</summary>
internal sealed class PlainTrainView(Terminal terminal) : TrainView
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly RecentSteps _recent = new();
    private string? _stage;
    private long _written;

    public override void Stage(string what, double? fraction)
    {
        if (what == _stage)
            return;
        _stage = what;
        terminal.WriteLine($"{what}…");
    }

    public override void Message(string line) => terminal.WriteLine(line);

    public override void Started(RunPlan plan) => terminal.WriteLine(TrainText.Describe(plan));

    public override void Step(in StepMetrics step, TrainProgress progress)
    {
        _recent.Add(step);
        var isFirst = _written == 0;
        if (!isFirst && Stopwatch.GetElapsedTime(_written) < Interval && progress.Fraction < 1)
            return;
        _written = Stopwatch.GetTimestamp();
        var steps = progress.TotalSteps is { } total ? $"{step.Step}/{total}" : $"{step.Step}";
        terminal.WriteLine(
            $"step {steps}{(step.Skipped ? " (skipped)" : "")}  loss {Figures.Loss(_recent.Loss)}  lr {Figures.Invariant($"{step.LearningRate:G3}")}"
            + $"  {Figures.Count((long)_recent.TokensPerSecond)} tokens/s{(isFirst ? "" : $"  {Figures.Duration(progress.Left)} left")}");
        _recent.Clear();
    }

    public override void Evaluated(in EvaluationMetrics evaluation) => terminal.WriteLine(TrainText.Describe(evaluation));

    public override void Saved(string folder, bool best)
    {
        // The end of the run says where they are.
    }

    public override void Conclude(TrainResult result) => TrainReport.Write(result, terminal);
}
