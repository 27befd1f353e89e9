using Baka.Data.Corpora;

namespace Baka.Training.Runs;

/// <summary>Why a run ended.</summary>
public enum TrainEnd
{
    /// <summary>All steps are done, or the time is over.</summary>
    Finished,

    /// <summary>It was asked to stop; it can be resumed.</summary>
    Stopped,

    /// <summary>Too many steps in a row had a loss or gradient that was not finite.</summary>
    TooManyBadSteps,
}

/// <summary>How a run ended.</summary>
/// <param name="Folder">Of the run.</param>
/// <param name="End">Why it ended.</param>
/// <param name="Step">Steps done.</param>
/// <param name="SkippedSteps">Those of them that were not finite.</param>
/// <param name="Checkpoint">The folder of the latest checkpoint; null if there is none.</param>
/// <param name="Last">The last evaluation; null if there was none.</param>
/// <param name="BestLoss">The lowest validation loss, in nats a token; null if there was no evaluation.</param>
/// <param name="ResumeCommand">Continues the run.</param>
/// <param name="Final">What is measured at the end of a run that finished; else null.</param>
public sealed record TrainResult(
    string Folder,
    TrainEnd End,
    long Step,
    long SkippedSteps,
    string? Checkpoint,
    EvaluationMetrics? Last,
    double? BestLoss,
    string ResumeCommand,
    FinalFigures? Final);

/// <summary>What is measured at the end of a run beside its validation loss, on the same tokens.</summary>
/// <param name="Baselines">What simple models reach; null of a task.</param>
/// <param name="MemoryOff">The same model with its state reset at every window; null if it carries none.</param>
/// <param name="Sample">A text of the model's own.</param>
public sealed record FinalFigures(NgramBaseline? Baselines, EvaluationMetrics? MemoryOff, TextSample Sample);

/// <summary>A text that a model went on with.</summary>
/// <param name="Prompt">What was given.</param>
/// <param name="Continuation">What the model wrote.</param>
public sealed record TextSample(string Prompt, string Continuation);
