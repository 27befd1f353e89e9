using System.Text.Json;
using Baka.Data.Shards;
using Baka.Data.Streams;

namespace Baka.Data.Tests.Streams;

public sealed class WindowStreamTests
{
    public static TheoryData<int, int, int, int> Shapes => new()
    {
        { 1, 1, 1, 0 },
        { 1, 4, 5, 1 },
        { 3, 1, 4, 2 },
        { 4, 4, 7, 3 },
        { 9, 2, 3, 4 },
        { 2, 3, 64, 5 },
    };

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Every_token_but_a_documents_first_is_predicted_once_an_epoch(int rows, int windowsPerStep, int window, int seed)
    {
        using var corpus = RandomCorpus(seed);
        var stream = WindowStream.ForTraining(corpus, rows, windowsPerStep, window, (ulong)seed);
        var batch = new WindowBatch(rows, windowsPerStep, window);
        var counts = EmptyCounts(corpus);
        while (stream.Epoch < 3)
        {
            stream.Next(batch);
            Count(corpus, batch, counts);
        }

        // Two epochs are done; of the third and fourth some documents are begun.
        foreach (var document in Enumerable.Range(0, corpus.DocumentCount).Where(document => corpus.DocumentLength(document) >= 2))
        {
            Assert.Equal(0, counts[document][0]);
            Assert.All(counts[document][1..], count => Assert.InRange(count, 2, 4));
            for (var i = 2; i < counts[document].Length; i++)
                Assert.True(counts[document][i] <= counts[document][i - 1], "A document is read from its start.");
        }
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void An_evaluation_predicts_every_token_exactly_once_and_ends(int rows, int windowsPerStep, int window, int seed)
    {
        using var corpus = RandomCorpus(seed);
        var counts = EmptyCounts(corpus);
        var stream = WindowStream.ForEvaluation(corpus, rows, windowsPerStep, window);
        var batch = new WindowBatch(rows, windowsPerStep, window);
        var predicted = 0L;
        while (stream.Next(batch))
        {
            Count(corpus, batch, counts);
            predicted += batch.PredictedTokens;
        }

        Assert.Equal(corpus.Evaluated().Sum(corpus.CountPredicted), predicted);
        for (var document = 0; document < counts.Length; document++)
        {
            if (counts[document].Length >= 2)
                Assert.All(counts[document][1..], count => Assert.Equal(1, count));
        }

        Assert.False(stream.Next(batch));
        Assert.All(batch.Targets, target => Assert.Equal(WindowBatch.NoTarget, target));
        Assert.All(batch.DocumentWindow, number => Assert.Equal(0, number));
        Assert.All(batch.Documents, document => Assert.Equal(WindowBatch.NoDocument, document));
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void Rows_read_documents_window_by_window_and_begin_new_ones_on_their_own(int rows, int windowsPerStep, int window, int seed)
    {
        using var corpus = RandomCorpus(seed);
        var stream = WindowStream.ForTraining(corpus, rows, windowsPerStep, window, 1);
        var batch = new WindowBatch(rows, windowsPerStep, window);
        var last = Enumerable.Repeat((Document: -1, Window: 0), rows).ToArray();
        for (var step = 0; step < 60; step++)
        {
            stream.Next(batch);
            for (var b = 0; b < rows; b++)
            {
                for (var w = 0; w < windowsPerStep; w++)
                {
                    var slot = b * windowsPerStep + w;
                    var now = (Document: batch.Documents[slot], Window: batch.DocumentWindow[slot]);
                    var ended = last[b].Document < 0 || last[b].Window + 1 == (corpus.DocumentLength(last[b].Document) - 2) / window + 1;
                    Assert.Equal(ended ? (now.Document, 0) : (last[b].Document, last[b].Window + 1), now);
                    last[b] = now;
                }
            }
        }
    }

    [Fact]
    public void Windows_hold_the_tokens_the_specification_says()
    {
        using var corpus = TokenCorpus.FromTokens([[10, 11, 12, 13, 14, 15, 16]]);
        var stream = WindowStream.ForEvaluation(corpus, 2, 2, 4);
        var batch = new WindowBatch(2, 2, 4);
        Assert.True(stream.Next(batch));
        Assert.Equal([10, 11, 12, 13, 14, 15, 16, 0, 0, 0, 0, 0, 0, 0, 0, 0], batch.Tokens);
        Assert.Equal([11, 12, 13, 14, 15, 16, -1, -1, -1, -1, -1, -1, -1, -1, -1, -1], batch.Targets);
        Assert.Equal([0, 1, 0, 0], batch.DocumentWindow);
        Assert.Equal([0, 0, -1, -1], batch.Documents);
        Assert.Equal(6, batch.PredictedTokens);
        Assert.False(stream.Next(batch));
    }

    [Fact]
    public void A_document_of_one_window_and_one_token_takes_a_single_window()
    {
        using var corpus = TokenCorpus.FromTokens([[1, 2, 3, 4, 5], [6, 7]]);
        var stream = WindowStream.ForEvaluation(corpus, 1, 2, 4);
        var batch = new WindowBatch(1, 2, 4);
        Assert.True(stream.Next(batch));
        Assert.Equal([0, 1], batch.Documents);
        Assert.Equal([2, 3, 4, 5, 7, -1, -1, -1], batch.Targets);
    }

    [Theory]
    [MemberData(nameof(Shapes))]
    public void A_restored_stream_goes_on_exactly_as_the_saved_one(int rows, int windowsPerStep, int window, int seed)
    {
        using var corpus = RandomCorpus(seed);
        var batch = new WindowBatch(rows, windowsPerStep, window);
        var other = new WindowBatch(rows, windowsPerStep, window);
        foreach (var training in (bool[])[true, false])
        {
            WindowStream Make() => training
                ? WindowStream.ForTraining(corpus, rows, windowsPerStep, window, 42)
                : WindowStream.ForEvaluation(corpus, rows, windowsPerStep, window);
            var stream = Make();
            for (var step = 0; step < 25; step++)
            {
                var json = JsonSerializer.Serialize(stream.Save());
                var restored = Make();
                restored.Next(other);
                restored.Restore(JsonSerializer.Deserialize<StreamState>(json)!);
                Assert.Equal(json, JsonSerializer.Serialize(restored.Save()));
                Assert.Equal(stream.Next(batch), restored.Next(other));
                for (var more = 0; more < 3; more++)
                    restored.Next(other);
                restored.Restore(stream.Save());
                Assert.Equal(JsonSerializer.Serialize(stream.Save()), JsonSerializer.Serialize(restored.Save()));
            }

            var continued = Make();
            continued.Restore(stream.Save());
            for (var step = 0; step < 25; step++)
            {
                Assert.Equal(stream.Next(batch), continued.Next(other));
                Assert.Equal(batch.Tokens, other.Tokens);
                Assert.Equal(batch.Targets, other.Targets);
                Assert.Equal(batch.DocumentWindow, other.DocumentWindow);
                Assert.Equal(batch.Documents, other.Documents);
            }
        }
    }

    [Fact]
    public void A_state_of_another_stream_is_refused_with_a_sentence()
    {
        using var corpus = RandomCorpus(1);
        using var shorter = TokenCorpus.FromTokens([[1, 2, 3]]);
        var stream = WindowStream.ForTraining(corpus, 2, 2, 8, 1);
        var state = stream.Save();
        string Refusal(StreamState wrong) => Assert.Throws<UserException>(() => stream.Restore(wrong)).Message;
        Assert.Contains("same data", Refusal(WindowStream.ForTraining(shorter, 2, 2, 8, 1).Save()));
        Assert.Contains("same batch", Refusal(WindowStream.ForTraining(corpus, 3, 2, 8, 1).Save()));
        Assert.Contains("same seed", Refusal(WindowStream.ForTraining(corpus, 2, 2, 8, 2).Save()));
        Assert.Contains("damaged", Refusal(state with { NextDocument = -1 }));
        Assert.Contains("damaged", Refusal(state with { NextDocument = 1000 }));
        Assert.Contains("damaged", Refusal(state with { Rows = [new RowState(1000, 0), new RowState(-1, 0)] }));
        Assert.Contains("damaged", Refusal(state with { Rows = [new RowState(0, 1_000_000), new RowState(-1, 0)] }));
    }

    [Fact]
    public void Orders_depend_on_seed_and_epoch()
    {
        using var corpus = TokenCorpus.FromTokens(Enumerable.Range(0, 50).Select(i => new[] { i, i }).ToList());
        List<int> Read(ulong seed)
        {
            var stream = WindowStream.ForTraining(corpus, 1, 50, 4, seed);
            var batch = new WindowBatch(1, 50, 4);
            stream.Next(batch);
            var documents = batch.Documents.ToList();
            stream.Next(batch);
            return [.. documents, .. batch.Documents];
        }

        var first = Read(1);
        Assert.Equal(first, Read(1));
        Assert.NotEqual(first, Read(2));
        Assert.NotEqual(first[..50], first[50..]);
        Assert.Equal(Enumerable.Range(0, 50), first[..50].Order());
        Assert.Equal(Enumerable.Range(0, 50), first[50..].Order());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(7)]
    [InlineData(100)]
    [InlineData(1000)]
    [InlineData(1_000_000)]
    public void A_limited_evaluation_predicts_the_same_tokens_whatever_the_rows(long limit)
    {
        using var corpus = RandomCorpus(5);
        var whole = corpus.Evaluated().Sum(corpus.CountPredicted);
        int[][]? expected = null;
        foreach (var rows in (int[])[1, 4, 20])
        {
            var stream = WindowStream.ForEvaluation(corpus, rows, 2, 8, limit);
            var batch = new WindowBatch(rows, 2, 8);
            var counts = EmptyCounts(corpus);
            while (stream.Next(batch))
                Count(corpus, batch, counts);
            expected ??= counts;
            Assert.Equal(expected, counts);
        }

        Assert.Equal(Math.Min(limit, whole), expected!.Sum(document => (long)document.Sum()));
    }

    [Fact]
    public void A_limit_is_shared_by_a_few_long_documents()
    {
        using var corpus = TokenCorpus.FromTokens([new int[1000], new int[1000], new int[1000]]);
        Assert.Equal([new(0, 101), new(1, 101), new DocumentSpan(2, 101)], EvaluationPlan.Make(corpus, 300));
    }

    [Fact]
    public void Reading_allocates_nothing()
    {
        using var corpus = RandomCorpus(3);
        var stream = WindowStream.ForTraining(corpus, 4, 4, 16, 1);
        var batch = new WindowBatch(4, 4, 16);
        stream.Next(batch);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var step = 0; step < 200; step++)
            stream.Next(batch);
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void A_corpus_with_nothing_to_predict_is_refused()
    {
        using var corpus = TokenCorpus.FromTokens([[1], []]);
        Assert.Contains("nothing to predict", Assert.Throws<UserException>(() => WindowStream.ForTraining(corpus, 1, 1, 4, 1)).Message);
    }

    [Fact]
    public void The_generator_gives_the_published_sequence()
    {
        // Reference values of splitmix64.c for the seed 1234567.
        var generator = new SplitMix64(1234567);
        Assert.Equal([6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821], Enumerable.Range(0, 5).Select(_ => generator.Next()).ToArray());
        var bounded = new SplitMix64(1);
        Assert.Equal([0, 1, 2], Enumerable.Range(0, 100).Select(_ => bounded.Next(3)).Distinct().Order());
    }

    /// <summary>Documents of 0 … 100 tokens; each token tells its document and its place.</summary>
    private static TokenCorpus RandomCorpus(int seed)
    {
        var random = new Random(seed);
        return TokenCorpus.FromTokens(Enumerable.Range(0, 30).Select(document => Enumerable.Range(0, random.Next(random.Next(2, 100))).Select(place => document * 1000 + place).ToArray()).ToList());
    }

    private static int[][] EmptyCounts(TokenCorpus corpus) =>
        Enumerable.Range(0, corpus.DocumentCount).Select(document => new int[corpus.DocumentLength(document)]).ToArray();

    /// <summary>Checks each target against the corpus and counts it.</summary>
    private static void Count(TokenCorpus corpus, WindowBatch batch, int[][] counts)
    {
        var predicted = 0;
        for (var slot = 0; slot < batch.Documents.Length; slot++)
        {
            for (var t = 0; t < batch.Window; t++)
            {
                var target = batch.Targets[slot * batch.Window + t];
                if (target == WindowBatch.NoTarget)
                    continue;
                var place = batch.DocumentWindow[slot] * batch.Window + t;
                Assert.Equal(batch.Documents[slot] * 1000 + place, batch.Tokens[slot * batch.Window + t]);
                Assert.Equal(batch.Documents[slot] * 1000 + place + 1, target);
                counts[batch.Documents[slot]][place + 1]++;
                predicted++;
            }
        }

        Assert.Equal(predicted, batch.PredictedTokens);
    }
}
