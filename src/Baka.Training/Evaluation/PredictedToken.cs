namespace Baka.Training.Evaluation;

/// <summary>How well a token was predicted.</summary>
/// <param name="Row">Of the batch.</param>
/// <param name="Document">Of the corpus.</param>
/// <param name="Position">In its document, whose first token is at 0.</param>
/// <param name="Token">Itself.</param>
/// <param name="Nll">Negative log-likelihood in nats.</param>
/// <param name="IsCorrect">It has the largest logit.</param>
internal readonly record struct PredictedToken(int Row, int Document, long Position, int Token, float Nll, bool IsCorrect);
