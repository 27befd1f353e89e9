namespace Baka.Training.Runs;

/// <summary>Told how a run goes, in the thread that trains.</summary>
public interface ITrainObserver
{
    /// <summary>Something long goes on outside of training steps.</summary>
    /// <param name="what">In a few words.</param>
    /// <param name="fraction">Share done, 0 … 1; null where the end is not known.</param>
    void Stage(string what, double? fraction);

    /// <summary>Something worth a line to the user.</summary>
    void Message(string line);

    /// <summary>Everything is prepared; training begins.</summary>
    void Started(RunPlan plan);

    /// <summary>A step is done.</summary>
    void Step(in StepMetrics step, TrainProgress progress);

    /// <summary>An evaluation is done.</summary>
    void Evaluated(in EvaluationMetrics evaluation);

    /// <summary>A checkpoint is written.</summary>
    /// <param name="folder">Of the checkpoint.</param>
    /// <param name="best">It has the lowest validation loss so far.</param>
    void Saved(string folder, bool best);
}

/// <summary>An observer that looks away.</summary>
internal sealed class NoObserver : ITrainObserver
{
    public void Stage(string what, double? fraction)
    {
    }

    public void Message(string line)
    {
    }

    public void Started(RunPlan plan)
    {
    }

    public void Step(in StepMetrics step, TrainProgress progress)
    {
    }

    public void Evaluated(in EvaluationMetrics evaluation)
    {
    }

    public void Saved(string folder, bool best)
    {
    }
}
