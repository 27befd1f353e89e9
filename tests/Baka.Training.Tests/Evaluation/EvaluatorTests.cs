using Baka.Data;
using Baka.Data.Shards;
using Baka.Graph.Reference;
using Baka.Model.Programs;
using Baka.Training.Evaluation;
using Baka.Training.Tests.Models;

namespace Baka.Training.Tests.Evaluation;

public sealed class EvaluatorTests(TrainedModel trained) : IClassFixture<TrainedModel>
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public void Every_token_but_the_first_of_a_document_counts_once_as_computed_window_by_window(bool memory)
    {
        var report = Evaluator.Run(trained.Model, trained.Corpus, memory);
        var direct = Enumerable.Range(0, trained.Corpus.DocumentCount).Select(d => Nll(d, memory)).ToList();
        var all = direct.SelectMany(d => d).ToList();
        Assert.Equal(trained.Corpus.TokenCount - trained.Corpus.DocumentCount, report.Tokens);
        Assert.Equal(all.Count, report.Tokens);
        Assert.Equal(all.Average(), report.Loss, 1e-5);
        Assert.Equal(direct.Average(d => d.Average()), report.LossDocMean, 1e-5);
        Assert.Equal(all.Sum() / Math.Log(2) / trained.Corpus.TextBytes, report.BitsPerByte, 1e-5);
        Assert.Equal(Math.Exp(report.Loss), report.Perplexity);
        Assert.Equal(Tasks.TaskRunTests.NaiveAccuracy(trained.Model, trained.Corpus, memory), (report.Accuracy, report.ExactMatch));
        Assert.InRange(report.Accuracy, 0.05, 0.99);

        var bucket = report.ByPosition.Single(p => p.From == 8);
        var inBucket = direct.SelectMany(d => d.Skip(7).Take(8)).ToList();
        Assert.Equal((15, inBucket.Count), (bucket.To, bucket.Tokens));
        Assert.Equal(inBucket.Average(), bucket.Loss, 1e-5);
    }

    [Fact]
    public void Memory_makes_a_difference_from_the_second_window_on()
    {
        var on = Evaluator.Run(trained.Model, trained.Corpus, memory: true);
        var off = Evaluator.Run(trained.Model, trained.Corpus, memory: false);
        Assert.NotEqual(on.Loss, off.Loss);
        Assert.Equal(
            on.ByPosition.Where(p => p.To < 8).Select(p => Math.Round(p.Loss, 5)),
            off.ByPosition.Where(p => p.To < 8).Select(p => Math.Round(p.Loss, 5)));
    }

    [Fact]
    public void Of_documents_read_in_part_only_the_bytes_that_were_read_count()
    {
        const int Limit = 20;
        using var one = TokenCorpus.FromTokens([Tokens(3)], [trained.Corpus.DocumentTextBytes(3)]);
        var report = Evaluator.Run(trained.Model, one, memory: true, Limit);
        Assert.Equal(Limit, report.Tokens);
        Assert.Equal(trained.Model.Tokenizer.DecodeBytes(Tokens(3).AsSpan(0, Limit + 1)).Length, report.Bytes);
    }

    [Fact]
    public void Evaluating_twice_gives_the_same_bits()
    {
        Assert.Equal(Evaluator.Run(trained.Model, trained.Corpus).Loss, Evaluator.Run(trained.Model, trained.Corpus).Loss);
    }

    [Fact]
    public void Nothing_to_predict_is_told()
    {
        using var corpus = TokenCorpus.FromTokens([[1], [2]]);
        Assert.Throws<UserException>(() => Evaluator.Run(trained.Model, corpus));
    }

    [Fact]
    public void Scores_come_token_by_token_in_order()
    {
        var scored = new List<(int I, int Token, double Nll)>();
        Scorer.Run(trained.Model, Tokens(2), memory: true, (i, token, nll) => scored.Add((i, token, nll)));
        Assert.Equal(Enumerable.Range(1, Tokens(2).Length - 1), scored.Select(s => s.I));
        Assert.Equal(Tokens(2)[1..], scored.Select(s => s.Token));
        Assert.All(scored.Zip(Nll(2, memory: true)), pair => Assert.Equal(pair.Second, pair.First.Nll, 1e-4));
    }

    [Theory]
    [InlineData(new[] { 1 }, "no document has two tokens or more")]
    [InlineData(new[] { 1, 270 }, "Token 270 at place 1 is not in the model's vocabulary of 270")]
    [InlineData(new[] { -1, 2 }, "Token -1 at place 0 is not in the model's vocabulary of 270")]
    public void Tokens_that_can_not_be_scored_are_refused(int[] tokens, string message)
    {
        var error = Assert.Throws<UserException>(() => Scorer.Run(trained.Model, tokens, memory: true, (_, _, _) => { }));
        Assert.StartsWith(message, error.Message);
    }

    private int[] Tokens(int document)
    {
        var tokens = new int[trained.Corpus.DocumentLength(document)];
        trained.Corpus.CopyTokens(document, 0, tokens);
        return tokens;
    }

    /// <summary>One document, one window at a time, on the reference device.</summary>
    private List<double> Nll(int document, bool memory)
    {
        using var device = new ReferenceDevice();
        var model = trained.Model.Model;
        using var program = EvaluationProgram.Create(device, model, rows: 1, windows: 1);
        foreach (var parameter in model.Parameters)
        {
            var values = new float[parameter.Shape.Count];
            trained.Model.Device.Read(parameter.Name, values);
            device.Write(parameter.Name, values);
        }

        var tokens = Tokens(document);
        var window = program.Window;
        var nll = new List<double>();
        var output = new float[window];
        for (var w = 0; w * window < tokens.Length - 1; w++)
        {
            var predicted = Math.Min(window, tokens.Length - 1 - w * window);
            var read = new int[window];
            var targets = Enumerable.Repeat(-1, window).ToArray();
            tokens.AsSpan(w * window, predicted).CopyTo(read);
            tokens.AsSpan(w * window + 1, predicted).CopyTo(targets);
            program.SetBatch(read, targets, [memory ? w : 0], pauseSeed: 0);
            program.Run();
            program.CopyNll(output);
            nll.AddRange(output.Take(predicted).Select(x => (double)x));
        }

        return nll;
    }
}
