using Baka.Data.Shards;
using Baka.Data.Streams;

namespace Baka.Data.Corpora;

/// <summary>
/// How well simple models predict the tokens that a language model is measured on: mean negative log-likelihood in nats a
/// predicted token. All learn from the predicted tokens of the training corpus.
/// </summary>
/// <param name="Uniform">Every token equally likely: ln V.</param>
/// <param name="Unigram">By frequency, one added to every count.</param>
/// <param name="Bigram">
/// By the token before: interpolated Kneser-Ney (Chen and Goodman 1999), that is absolute discounting, where the mass set
/// free goes to tokens by the number of different tokens they follow; that distribution is discounted too, in favor of
/// the uniform one. Both discounts are n₁ / (n₁ + 2 n₂), from how many counts are one and two.
/// </param>
/// <param name="PredictedTokens">How many validation tokens the means are over.</param>
public sealed record NgramBaseline(double Uniform, double Unigram, double Bigram, long PredictedTokens)
{
    /// <summary>Learns and measures. Takes memory for every different pair of tokens of the training corpus.</summary>
    /// <param name="training">What is learned from.</param>
    /// <param name="validation">What is predicted.</param>
    /// <param name="vocabularySize">V; above every token of both.</param>
    /// <param name="limit">Most tokens to predict, chosen as <see cref="EvaluationPlan"/> says; null for all.</param>
    /// <exception cref="UserException">There is nothing to predict.</exception>
    public static NgramBaseline Measure(TokenCorpus training, TokenCorpus validation, int vocabularySize, long? limit = null)
    {
        var counts = new BigramCounts(vocabularySize);
        Visit(training, EvaluationPlan.Make(training), counts.Add);
        counts.Complete();

        var unigram = 0.0;
        var bigram = 0.0;
        var predicted = 0L;
        Visit(validation, EvaluationPlan.Make(validation, limit), (before, token) =>
        {
            unigram -= Math.Log(counts.UnigramProbability(token));
            bigram -= Math.Log(counts.BigramProbability(before, token));
            predicted++;
        });
        if (predicted == 0)
            throw new UserException("no validation document has two tokens or more, so there is nothing to predict; give more text.");
        return new NgramBaseline(Math.Log(vocabularySize), unigram / predicted, bigram / predicted, predicted);
    }

    private static void Visit(TokenCorpus corpus, IReadOnlyList<DocumentSpan> documents, Action<int, int> visit)
    {
        const int Chunk = 1 << 14;
        var tokens = new int[Chunk + 1];
        foreach (var (document, length) in documents)
        {
            for (var from = 0L; from < length - 1; from += Chunk)
            {
                var part = tokens.AsSpan(0, (int)Math.Min(Chunk, length - 1 - from) + 1);
                corpus.CopyTokens(document, from, part);
                for (var i = 1; i < part.Length; i++)
                    visit(part[i - 1], part[i]);
            }
        }
    }
}
