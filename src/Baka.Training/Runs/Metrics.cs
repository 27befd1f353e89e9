namespace Baka.Training.Runs;

/// <summary>What is recorded of a training step.</summary>
/// <param name="Step">Steps done with this one.</param>
/// <param name="Tokens">Predicted in training so far.</param>
/// <param name="Loss">Mean over the step's predicted tokens, in nats.</param>
/// <param name="GradNorm">Global norm of the gradient before clipping.</param>
/// <param name="LearningRate">Of the step.</param>
/// <param name="Milliseconds">That the step took.</param>
/// <param name="TokensPerSecond">Of the step.</param>
/// <param name="Skipped">The loss or gradient was not finite, and nothing was learned.</param>
public readonly record struct StepMetrics(
    long Step, long Tokens, double Loss, double GradNorm, double LearningRate, double Milliseconds, double TokensPerSecond, bool Skipped = false);

/// <summary>What is recorded of an evaluation.</summary>
/// <param name="Step">Steps done before it.</param>
/// <param name="Split">What it was evaluated on, such as "valid".</param>
/// <param name="Loss">Mean over all predicted tokens, in nats.</param>
/// <param name="Perplexity">e to the loss.</param>
/// <param name="BitsPerByte">Against the UTF-8 bytes of the text.</param>
/// <param name="LossDocMean">Mean over the documents of their own means, in nats.</param>
/// <param name="Tokens">Predicted tokens.</param>
public readonly record struct EvaluationMetrics(
    long Step, string Split, double Loss, double Perplexity, double BitsPerByte, double LossDocMean, long Tokens)
{
    /// <summary>Share of the predicted tokens that the model would have chosen; NaN where it was not recorded.</summary>
    public double Accuracy { get; init; } = double.NaN;

    /// <summary>Share of the documents whose every predicted token the model would have chosen; NaN where it was not recorded.</summary>
    public double ExactMatch { get; init; } = double.NaN;
}

/// <summary>All that a run recorded, in order; figures that were not finite are NaN.</summary>
public sealed record MetricsHistory(IReadOnlyList<StepMetrics> Steps, IReadOnlyList<EvaluationMetrics> Evaluations);
