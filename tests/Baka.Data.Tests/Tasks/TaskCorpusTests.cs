using System.Text.Json;
using Baka.Data.Streams;
using Baka.Data.Tasks;
using Baka.Data.Tokenizers;

namespace Baka.Data.Tests.Tasks;

public sealed class TaskCorpusTests
{
    private const int Length = 25;

    private static readonly CopyTask Copy = new(new TaskSize(null, null, 8));

    // So few different documents that chance alone would have them on both sides.
    private static readonly CopyTask Small = new(new TaskSize(3, 0, 2));

    [Fact]
    public void A_document_follows_from_seed_and_number_whatever_was_read_before()
    {
        using var corpus = TaskCorpus.ForTraining(Copy, Length, 1, rows: 3);
        using var other = TaskCorpus.ForTraining(Copy, Length, 1, rows: 1);
        foreach (var document in (int[])[5, 0, 1_000_000, 5, 2, 3])
            Assert.Equal(Read(corpus, document), Read(other, document));
        using var reseeded = TaskCorpus.ForTraining(Copy, Length, 2, rows: 1);
        Assert.NotEqual(Read(corpus, 0), Read(reseeded, 0));
        Assert.Equal(500, Enumerable.Range(0, 500).Select(document => string.Join(' ', Read(corpus, document))).Distinct().Count());
    }

    [Fact]
    public void No_document_is_for_training_and_for_validation()
    {
        using var training = TaskCorpus.ForTraining(Small, Length, 1, rows: 1);
        using var validation = TaskCorpus.ForValidation(Small, Length, rows: 4);
        var learned = Enumerable.Range(0, 1000).Select(document => string.Join(' ', Read(training, document))).ToHashSet();
        var measured = Enumerable.Range(0, 1000).Select(document => string.Join(' ', Read(validation, document))).ToHashSet();
        Assert.Equal(8, learned.Count + measured.Count);
        Assert.Empty(learned.Intersect(measured));
    }

    [Fact]
    public void A_task_with_one_document_is_refused()
    {
        var task = new CopyTask(new TaskSize(1, 0, 1));
        var refusals = new List<string>();
        foreach (var make in (Func<TaskCorpus>[])[() => TaskCorpus.ForTraining(task, 4, 1, 1), () => TaskCorpus.ForValidation(task, 4, 1)])
        {
            try
            {
                make().Dispose();
            }
            catch (UserException refusal)
            {
                refusals.Add(refusal.Message);
            }
        }

        Assert.Equal(["the task has too few different documents to keep some for validation: give it more symbols or a greater length."], refusals);
    }

    [Fact]
    public void Only_answers_are_targets()
    {
        using var corpus = TaskCorpus.ForValidation(Copy, Length, rows: 2);
        var stream = WindowStream.ForEvaluation(corpus, rows: 1, windowsPerStep: 3, window: 8);
        var batch = new WindowBatch(1, 3, 8);
        for (var document = 0; stream.Next(batch); document++)
        {
            var tokens = Read(corpus, document);
            Assert.Equal(tokens[..24], batch.Tokens);
            Assert.Equal([.. Enumerable.Repeat(WindowBatch.NoTarget, 8), .. tokens[9..]], batch.Targets);
            Assert.Equal([0, 1, 2], batch.DocumentWindow);
            Assert.Equal(16, batch.PredictedTokens);
            Assert.Equal((9, 16), corpus.FirstAnswer(document));
        }
    }

    [Fact]
    public void Windows_without_an_answer_do_not_end_an_evaluation()
    {
        using var corpus = TaskCorpus.ForValidation(Copy, Length, rows: 2);
        var stream = WindowStream.ForEvaluation(corpus, rows: 2, windowsPerStep: 1, window: 8);
        var batch = new WindowBatch(2, 1, 8);
        var (steps, predicted) = (0, 0L);
        for (; stream.Next(batch); steps++)
            predicted += batch.PredictedTokens;
        Assert.Equal(TaskCorpus.ValidationDocuments * 3 / 2, steps);
        Assert.Equal(TaskCorpus.ValidationDocuments * 16, predicted);
        Assert.Equal(predicted, corpus.Evaluated().Sum(corpus.CountPredicted));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(16, 1)]
    [InlineData(17, 2)]
    [InlineData(1_000_000, TaskCorpus.ValidationDocuments)]
    public void A_limited_evaluation_reads_whole_documents(long limit, int documents)
    {
        using var corpus = TaskCorpus.ForValidation(Copy, Length, rows: 2);
        Assert.Equal(Enumerable.Range(0, documents).Select(document => new DocumentSpan(document, Length)), corpus.Evaluated(limit));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(5)]
    public void A_restored_stream_of_fresh_documents_goes_on_exactly(int windowsPerStep)
    {
        using var corpus = TaskCorpus.ForTraining(Copy, Length, 7, rows: 3);
        using var again = TaskCorpus.ForTraining(Copy, Length, 7, rows: 3);
        var stream = WindowStream.ForTraining(corpus, 3, windowsPerStep, 8, 1);
        var (batch, other) = (new WindowBatch(3, windowsPerStep, 8), new WindowBatch(3, windowsPerStep, 8));
        for (var step = 0; step < 10; step++)
        {
            var json = JsonSerializer.Serialize(stream.Save());
            var restored = WindowStream.ForTraining(again, 3, windowsPerStep, 8, 1);
            restored.Restore(JsonSerializer.Deserialize<StreamState>(json)!);
            stream.Next(batch);
            restored.Next(other);
            Assert.Equal(batch.Tokens, other.Tokens);
            Assert.Equal(batch.Targets, other.Targets);
            Assert.Equal(batch.Documents, other.Documents);
            Assert.Equal(batch.DocumentWindow, other.DocumentWindow);
        }

        Assert.Contains("damaged", Assert.Throws<UserException>(() => stream.Restore(stream.Save() with { NextDocument = -1 })).Message);
        Assert.Contains("damaged", Assert.Throws<UserException>(() => stream.Restore(stream.Save() with { Epoch = 1 })).Message);
    }

    [Fact]
    public void Reading_fresh_documents_allocates_nothing()
    {
        MemoryTask[] tasks =
        [
            Copy, new ReverseTask(new TaskSize(3, null, 8)), new RetrievalTask(new TaskSize(null, null, 26)), new MultiQueryTask(new TaskSize(4, null, 8)), new NeedleTask(new TaskSize(2, null, 8)),
        ];
        foreach (var task in tasks)
        {
            using var corpus = TaskCorpus.ForTraining(task, Length, 1, rows: 3);
            var stream = WindowStream.ForTraining(corpus, 3, 2, 8, 1);
            var batch = new WindowBatch(3, 2, 8);
            stream.Next(batch);
            var before = GC.GetAllocatedBytesForCurrentThread();
            for (var step = 0; step < 100; step++)
                stream.Next(batch);
            Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
        }
    }

    [Fact]
    public void A_fingerprint_tells_tasks_apart()
    {
        var fingerprint = TaskCorpus.Fingerprint(Copy, Length);
        Assert.Equal(fingerprint, TaskCorpus.Fingerprint(new CopyTask(new TaskSize(null, null, 8)), Length));
        Assert.NotEqual(fingerprint, TaskCorpus.Fingerprint(Copy, Length + 3));
        Assert.NotEqual(fingerprint, TaskCorpus.Fingerprint(new CopyTask(new TaskSize(null, null, 9)), Length));
        Assert.NotEqual(fingerprint, TaskCorpus.Fingerprint(new ReverseTask(new TaskSize(null, null, 8)), Length));
    }

    [Fact]
    public void Symbols_are_tokens_and_nothing_else_is()
    {
        var tokenizer = Tokenizer.OfSymbols(Copy.Symbols);
        Assert.Equal(10, tokenizer.VocabularySize);
        Assert.Equal([2, 3, 4, 1, 2, 0], tokenizer.Encode("abc>a."));
        Assert.Equal("abc>a.", tokenizer.Decode([2, 3, 4, 1, 2, 0]));
        Assert.Equal("there is no token for 'xyz': these tokens write . > a b c d e f g h, and nothing else.", Assert.Throws<UserException>(() => tokenizer.Encode("abxyz>")).Message);
        Assert.Throws<UserException>(() => tokenizer.EncodeBytes([0xff]));
        using var folder = new TemporaryFolder();
        var path = folder["tokenizer.json"];
        tokenizer.Save(path);
        Assert.Equal(tokenizer.Fingerprint.ToArray(), Tokenizer.Load(path).Fingerprint.ToArray());
    }

    private static int[] Read(TaskCorpus corpus, int document)
    {
        var tokens = new int[Length];
        corpus.CopyTokens(document, 0, tokens);
        return tokens;
    }
}
