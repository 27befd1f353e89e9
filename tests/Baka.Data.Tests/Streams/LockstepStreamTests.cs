using Baka.Data.Shards;
using Baka.Data.Streams;

namespace Baka.Data.Tests.Streams;

public sealed class LockstepStreamTests
{
    [Theory]
    [InlineData(3, 4, 1)]
    [InlineData(4, 3, 2)]
    [InlineData(9, 7, 3)]
    [InlineData(50, 5, 4)]
    public void All_rows_are_at_the_same_window_and_each_document_is_read_once_from_its_start(int rows, int window, int seed)
    {
        using var corpus = RandomCorpus(20, seed);
        var stream = new LockstepStream(corpus, rows, window);
        var batch = new WindowBatch(stream.Rows, 1, window);
        Assert.InRange(stream.Rows, 2, rows);
        var (batches, read, before) = (0L, new int[corpus.DocumentCount], 0);
        while (stream.Next(batch))
        {
            batches++;
            Assert.InRange(stream.ActiveRows, 2, stream.Rows);
            Assert.Single(batch.DocumentWindow.Take(stream.ActiveRows).Distinct());
            Assert.Equal(stream.ActiveRows, batch.Documents.Take(stream.ActiveRows).Distinct().Count());
            Assert.All(batch.Documents.Skip(stream.ActiveRows), document => Assert.Equal(WindowBatch.NoDocument, document));
            Assert.All(batch.Targets.Skip(stream.ActiveRows * window), target => Assert.Equal(WindowBatch.NoTarget, target));
            Assert.True(batch.DocumentWindow[0] == 0 || batch.DocumentWindow[0] == before + 1);
            before = batch.DocumentWindow[0];
            for (var row = 0; row < stream.ActiveRows; row++)
            {
                Assert.Equal(read[batch.Documents[row]]++, batch.DocumentWindow[row]);
                AssertWindow(corpus, batch, row);
            }

            Assert.Equal(batch.PredictedTokens, batch.Targets.Count(target => target != WindowBatch.NoTarget));
        }

        Assert.Equal(stream.BatchCount, batches);
        Assert.Equal(stream.DocumentCount, read.Count(windows => windows > 0));

        // Only the longest of a group can be left before its end.
        var whole = Enumerable.Range(0, read.Length).Count(d => read[d] == Windows(corpus, d, window));
        var groups = (stream.DocumentCount + rows - 1) / rows;
        Assert.True(whole >= stream.DocumentCount - groups);
        Assert.All(Enumerable.Range(0, read.Length), d => Assert.Equal(Windows(corpus, d, window) > 1, read[d] > 0));
    }

    [Fact]
    public void Documents_of_a_group_are_of_about_the_same_length()
    {
        using var corpus = TokenCorpus.FromTokens([.. new[] { 9, 100, 11, 90, 10, 95 }.Select(length => new int[length])]);
        var stream = new LockstepStream(corpus, 3, 4);
        var batch = new WindowBatch(3, 1, 4);
        Assert.True(stream.Next(batch));
        Assert.Equal([1, 5, 3], batch.Documents);
        Assert.Equal(24 + 3, stream.BatchCount);
    }

    [Fact]
    public void A_group_ends_when_nobody_is_left_to_compare_with()
    {
        using var corpus = TokenCorpus.FromTokens([new int[1000], new int[10]]);
        var stream = new LockstepStream(corpus, 3, 4);
        Assert.Equal((2, 3L), (stream.Rows, stream.BatchCount));
    }

    [Theory]
    [InlineData(5, 5)]
    [InlineData(100)]
    [InlineData(100, 2)]
    public void Documents_without_a_past_to_compare_are_refused(params int[] lengths)
    {
        using var corpus = TokenCorpus.FromTokens([.. lengths.Select(length => new int[length])]);
        Assert.StartsWith("no two documents have more than 5 tokens", Assert.Throws<UserException>(() => new LockstepStream(corpus, 3, 4)).Message);
    }

    private static void AssertWindow(TokenCorpus corpus, WindowBatch batch, int row)
    {
        var from = batch.DocumentWindow[row] * batch.Window;
        for (var i = 0; i < batch.Window; i++)
        {
            var (place, at) = (from + i, row * batch.Window + i);
            Assert.Equal(Token(corpus, batch.Documents[row], place, 0), batch.Tokens[at]);
            Assert.Equal(Token(corpus, batch.Documents[row], place + 1, WindowBatch.NoTarget), batch.Targets[at]);
        }
    }

    private static int Token(TokenCorpus corpus, int document, int place, int none)
    {
        if (place >= corpus.DocumentLength(document))
            return none;
        var token = new int[1];
        corpus.CopyTokens(document, place, token);
        return token[0];
    }

    private static long Windows(TokenCorpus corpus, int document, int window) => (corpus.DocumentLength(document) - 2 + window) / window;

    private static TokenCorpus RandomCorpus(int documents, int seed)
    {
        var random = new Random(seed);
        return TokenCorpus.FromTokens([.. Enumerable.Range(0, documents).Select(_ => Enumerable.Range(0, random.Next(1, 60)).Select(_ => random.Next(1, 1000)).ToArray())]);
    }
}
