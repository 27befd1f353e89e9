using Baka.Cli.Output;
using Baka.Cli.Shell;
using Baka.Training.Runs;

namespace Baka.Cli.Training;

/// <summary>One JSON object a line for everything that happens.</summary>
internal sealed class JsonTrainView(Terminal terminal) : TrainView
{
    private string? _stage;

    public override void Stage(string what, double? fraction)
    {
        if (what == _stage)
            return;
        _stage = what;
        Write(new { Event = "stage", What = what });
    }

    public override void Message(string line) => Write(new { Event = "message", Text = line });

    public override void Started(RunPlan plan) => Write(new
    {
        Event = "started", plan.Folder, Recipe = plan.Recipe.Name, plan.Parameters, plan.Trained, plan.Data, plan.Training, plan.Validation, plan.TokensPerStep, plan.FirstStep,
    });

    public override void Step(in StepMetrics step, TrainProgress progress) => Write(new
    {
        Event = "step", step.Step, Steps = progress.TotalSteps, step.Tokens, step.Loss, step.GradNorm, Lr = step.LearningRate, Ms = step.Milliseconds,
        TokensPerS = step.TokensPerSecond, step.Skipped, SecondsLeft = progress.Left.TotalSeconds, progress.Epoch,
    });

    public override void Evaluated(in EvaluationMetrics evaluation) => Write(Describe("evaluation", evaluation));

    public override void Saved(string folder, bool best) => Write(new { Event = "saved", Folder = folder, Best = best });

    public override void Conclude(TrainResult result) => Write(new
    {
        Event = "ended",
        Reason = result.End,
        result.Folder,
        result.Step,
        result.SkippedSteps,
        result.Checkpoint,
        Last = result.Last is { } last ? Describe(null, last) : null,
        result.BestLoss,
        MemoryOff = result.Final?.MemoryOff is { } off ? Describe(null, off) : null,
        Baselines = result.Final?.Baselines,
        Sample = result.Final?.Sample,
        Resume = ProgramName.In(result.ResumeCommand),
    });

    private static object Describe(string? name, in EvaluationMetrics evaluation) => new
    {
        Event = name, evaluation.Step, evaluation.Split, evaluation.Loss, Ppl = evaluation.Perplexity, Bpb = evaluation.BitsPerByte, evaluation.LossDocMean, evaluation.Tokens,
        evaluation.Accuracy, evaluation.ExactMatch,
    };

    private void Write(object value) => terminal.WriteLine(Json.Line(value));
}
