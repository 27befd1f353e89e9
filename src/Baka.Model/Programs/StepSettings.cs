namespace Baka.Model.Programs;

/// <summary>What may differ from one update to the next.</summary>
/// <param name="LearningRate">Of AdamW.</param>
/// <param name="ClipNorm">Largest global norm of the gradient; infinity = no limit.</param>
/// <param name="OptimizerStep">Number of the update, from 1, for the correction of the moments' bias.</param>
public readonly record struct StepSettings(double LearningRate, double ClipNorm, int OptimizerStep);

/// <summary>What came of an update.</summary>
/// <param name="Loss">Mean negative log-likelihood (nats) over the predicted tokens.</param>
/// <param name="GradientNorm">Global norm before clipping.</param>
/// <param name="Skipped">Whether loss or norm were not finite, so that nothing was changed.</param>
/// <param name="Tokens">Predicted tokens.</param>
public readonly record struct StepResult(float Loss, float GradientNorm, bool Skipped, int Tokens);
