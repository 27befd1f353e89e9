using Baka.Data.Shards;

namespace Baka.Data.Streams;

/// <summary>
/// Which tokens an evaluation predicts. Without a limit: all but the first of every document. With one: documents in order,
/// each cut to <c>⌈limit / min(16, documents)⌉</c> predicted tokens, or to twice, four times … as many if the corpus
/// would not suffice, until the limit is reached exactly. So a few long documents all take part, and rows and windows have
/// no influence.
/// </summary>
public static class EvaluationPlan
{
    private const int Shares = 16;

    /// <summary>The documents that can be predicted, in order, with the number of tokens to be read of each.</summary>
    /// <param name="corpus">The whole.</param>
    /// <param name="limit">Most tokens to predict; null for all.</param>
    public static IReadOnlyList<DocumentSpan> Make(TokenCorpus corpus, long? limit = null)
    {
        var spans = new List<DocumentSpan>();
        for (var document = 0; document < corpus.DocumentCount; document++)
        {
            if (corpus.DocumentLength(document) >= 2)
                spans.Add(new DocumentSpan(document, corpus.DocumentLength(document)));
        }

        return limit is null || limit >= CountPredicted(spans, long.MaxValue) ? spans : Cut(spans, limit.Value);
    }

    private static long CountPredicted(List<DocumentSpan> spans, long most) => spans.Sum(span => Math.Min(span.Tokens - 1, most));

    private static List<DocumentSpan> Cut(List<DocumentSpan> whole, long limit)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(limit, 1);
        var spans = new List<DocumentSpan>();
        var shares = Math.Min(whole.Count, Shares);
        var share = (limit + shares - 1) / shares;
        while (CountPredicted(whole, share) < limit)
            share *= 2;
        var left = limit;
        foreach (var span in whole)
        {
            if (left == 0)
                break;
            var predicted = Math.Min(span.Tokens - 1, Math.Min(share, left));
            spans.Add(span with { Tokens = predicted + 1 });
            left -= predicted;
        }

        return spans;
    }
}
