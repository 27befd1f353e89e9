using Baka.Cpu.Execution;
using Baka.Data;
using Baka.Data.Shards;
using Baka.Training.Evaluation;
using Baka.Training.Evaluation.Streaming;
using Baka.Training.Tests.Models;

namespace Baka.Training.Tests.Evaluation;

/// <summary>What a look at the process takes from the heap depends on how many threads there are: here no other tests run beside.</summary>
[Collection(nameof(Alone))]
public sealed class StreamEvaluationTests(TrainedModel trained) : IClassFixture<TrainedModel>
{
    [Fact]
    public void Documents_are_read_as_one()
    {
        var report = StreamEvaluation.Run(trained.Model, trained.Corpus);
        var all = new int[trained.Corpus.TokenCount];
        trained.Corpus.Joined().CopyTokens(0, 0, all);
        using var whole = TokenCorpus.FromTokens([all], [trained.Corpus.TextBytes]);
        var expected = Evaluator.Run(trained.Model, whole);
        Assert.Equal(trained.Corpus.DocumentCount, report.Documents);
        Assert.Equal(expected with { ByPosition = [] }, report.Evaluation with { ByPosition = [] });
        Assert.Equal(expected.ByPosition, report.Evaluation.ByPosition);
        Assert.False(report.Interrupted);
    }

    [Fact]
    public void Samples_cover_the_text_and_their_mean_is_the_loss()
    {
        var report = StreamEvaluation.Run(trained.Model, trained.Corpus, limit: 333);
        Assert.Equal(333, report.Evaluation.Tokens);
        Assert.Equal(333, report.Samples.Sum(sample => sample.Tokens));
        Assert.Equal(report.Samples.Select((_, i) => report.Samples.Take(i + 1).Sum(s => s.Tokens)), report.Samples.Select(sample => sample.Position));
        Assert.Equal(report.Evaluation.Loss, report.Samples.Sum(sample => sample.Tokens * sample.Loss) / 333, 1e-9);
        var settled = report.Samples.Where(sample => sample.Position > 33).Select(sample => sample.ProcessBytes).ToList();
        Assert.Equal(new MemoryRange(settled.Min(), settled.Max()), report.Process);
        Assert.Null(report.Gpu);
    }

    [Fact]
    public void Memory_does_not_grow_with_the_text()
    {
        const int Tokens = 200_000;
        const int Rest = 100_000;
        using var text = TokenCorpus.FromTokens([RandomTokens(Tokens)]);
        StreamEvaluation.Run(trained.Model, text, limit: 1000);
        var before = DeviceBytes();
        var growth = new AllocationMeter(from: 0.1);
        var report = StreamEvaluation.Run(trained.Model, text, progress: growth);
        Assert.Equal(Tokens - 1, report.Evaluation.Tokens);
        Assert.Equal(before, DeviceBytes());
        Assert.InRange(report.Samples.Count, StreamEvaluation.MostSamples / 2, StreamEvaluation.MostSamples);

        // Only looking at the process takes something from the heap. A byte for every token would be more than the rest.
        Assert.InRange(growth.Bytes, 0, report.Samples.Count * BytesOfALook() + Rest);
    }

    [Fact]
    public void A_stop_ends_with_what_was_measured()
    {
        using var text = TokenCorpus.FromTokens([RandomTokens(2000)]);
        using var stop = new CancellationTokenSource();
        var report = StreamEvaluation.Run(trained.Model, text, progress: new StopAt(0.5, stop), stop: stop.Token);
        Assert.True(report.Interrupted);
        Assert.InRange(report.Evaluation.Tokens, 1000, 1100);
        var expected = StreamEvaluation.Run(trained.Model, text, limit: report.Evaluation.Tokens);
        Assert.Equal(expected.Evaluation.Loss, report.Evaluation.Loss, 1e-12);
        Assert.Equal(expected.Evaluation.BitsPerByte, report.Evaluation.BitsPerByte, 1e-12);
    }

    [Fact]
    public void A_stop_before_anything_was_measured_is_no_report()
    {
        using var stop = new CancellationTokenSource();
        stop.Cancel();
        Assert.Throws<OperationCanceledException>(() => StreamEvaluation.Run(trained.Model, trained.Corpus, stop: stop.Token));
    }

    [Fact]
    public void Nothing_to_predict_is_told()
    {
        using var corpus = TokenCorpus.FromTokens([[1]]);
        Assert.Throws<UserException>(() => StreamEvaluation.Run(trained.Model, corpus));
    }

    private (long, long, long) DeviceBytes()
    {
        var device = (CpuDevice)trained.Model.Device;
        return (device.VariableBytes, device.ArenaBytes, device.ScratchBytes);
    }

    private static long BytesOfALook()
    {
        const int Times = 100;
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < Times; i++)
        {
            _ = Environment.WorkingSet;
        }

        return (GC.GetAllocatedBytesForCurrentThread() - before) / Times;
    }

    private int[] RandomTokens(int count)
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(trained.Model.Recipe.Model.Vocabulary))];
    }

    /// <summary>What this thread takes from the heap after some share of the work.</summary>
    private sealed class AllocationMeter(double from) : IProgress<double>
    {
        private long _first = -1;

        public long Bytes { get; private set; }

        public void Report(double value)
        {
            var now = GC.GetAllocatedBytesForCurrentThread();
            if (_first < 0 && value >= from)
            {
                _first = now;
            }

            Bytes = now - _first;
        }
    }

    private sealed class StopAt(double share, CancellationTokenSource stop) : IProgress<double>
    {
        public void Report(double value)
        {
            if (value >= share)
            {
                stop.Cancel();
            }
        }
    }
}
