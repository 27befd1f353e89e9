using Baka.Cli.Shell;
using Baka.Training.Runs;

namespace Baka.Cli.Training;

/// <summary>How a run is shown while it goes on, and what is said when it has ended.</summary>
internal abstract class TrainView : ITrainObserver
{
    /// <summary>The view that suits: JSON when asked for, a picture on a screen, lines elsewhere.</summary>
    public static TrainView For(Terminal terminal, bool json) =>
        json ? new JsonTrainView(terminal) : terminal.IsInteractive ? new LiveTrainView(terminal) : new PlainTrainView(terminal);

    /// <summary>Shows a run.</summary>
    /// <param name="train">Runs it, telling the observer.</param>
    public virtual TrainResult Show(Func<ITrainObserver, TrainResult> train) => train(this);

    /// <summary>Says how it ended.</summary>
    public abstract void Conclude(TrainResult result);

    public abstract void Stage(string what, double? fraction);

    public abstract void Message(string line);

    public abstract void Started(RunPlan plan);

    public abstract void Step(in StepMetrics step, TrainProgress progress);

    public abstract void Evaluated(in EvaluationMetrics evaluation);

    public abstract void Saved(string folder, bool best);
}
