namespace Baka.Training.Evaluation;

/// <summary>The loss of the tokens at some positions of their documents.</summary>
/// <param name="From">First position of the bucket; a document's first token is at 0 and never predicted.</param>
/// <param name="To">Last position of the bucket.</param>
/// <param name="Loss">Mean, in nats.</param>
/// <param name="Tokens">In the bucket.</param>
public readonly record struct PositionLoss(long From, long To, double Loss, long Tokens);

/// <summary>What a <see cref="LossMeter"/> has measured; figures of nothing are NaN.</summary>
/// <param name="Loss">Mean over all predicted tokens, in nats.</param>
/// <param name="LossDocMean">Mean over the documents of their own means, in nats.</param>
/// <param name="BitsPerByte">All the loss, in bits, over the bytes of the text.</param>
/// <param name="Tokens">Predicted tokens.</param>
/// <param name="Bytes">UTF-8 bytes of the text.</param>
/// <param name="Documents">Documents with at least one predicted token.</param>
/// <param name="Accuracy">Share of the predicted tokens that have the largest logit.</param>
/// <param name="ExactMatch">Share of the documents of which that holds for every predicted token.</param>
/// <param name="ByPosition">The loss by position in the document, in buckets that double: 1, 2–3, 4–7, …</param>
public sealed record EvaluationReport(
    double Loss, double LossDocMean, double BitsPerByte, long Tokens, long Bytes, long Documents, double Accuracy, double ExactMatch, IReadOnlyList<PositionLoss> ByPosition)
{
    public double Perplexity => Math.Exp(Loss);
}
