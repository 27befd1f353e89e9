using Baka.Training.Runs;

namespace Baka.Training.Tests.Runs;

/// <summary>Remembers all that it is told, and does something after each step.</summary>
internal sealed class RecordingObserver(Action<long>? afterStep = null) : ITrainObserver
{
    public List<string> Stages { get; } = [];

    public List<string> Messages { get; } = [];

    public List<StepMetrics> Steps { get; } = [];

    public List<EvaluationMetrics> Evaluations { get; } = [];

    public List<(string Folder, bool Best)> Saved { get; } = [];

    public RunPlan? Plan { get; private set; }

    public void Stage(string what, double? fraction) => Stages.Add(what);

    public void Message(string line) => Messages.Add(line);

    public void Started(RunPlan plan) => Plan = plan;

    public void Step(in StepMetrics step, TrainProgress progress)
    {
        Steps.Add(step);
        afterStep?.Invoke(step.Step);
    }

    public void Evaluated(in EvaluationMetrics evaluation) => Evaluations.Add(evaluation);

    void ITrainObserver.Saved(string folder, bool best) => Saved.Add((folder, best));
}
