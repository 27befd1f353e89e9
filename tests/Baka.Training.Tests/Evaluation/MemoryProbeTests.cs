using Baka.Data;
using Baka.Data.Documents;
using Baka.Data.Shards;
using Baka.Graph.Reference;
using Baka.Model.Programs;
using Baka.Training.Evaluation.Probing;
using Baka.Training.Models;
using Baka.Training.Runs;
using Baka.Training.Tests.Models;
using Baka.Training.Tests.Runs;

namespace Baka.Training.Tests.Evaluation;

public sealed class MemoryProbeTests(TrainedModel trained) : IClassFixture<TrainedModel>
{
    private const int Window = 8;
    private const double Tolerance = 1e-4;

    [Fact]
    public void The_loss_with_each_memory_is_that_of_single_documents_whose_state_is_exchanged_by_hand()
    {
        var documents = Documents([0, 1, 2, 3]);
        using var corpus = TokenCorpus.FromTokens(documents);
        var report = MemoryProbe.Run(trained.Model, corpus)!;

        // eval.batch is 3, so that the four are read in two pairs.
        var naive = new NaiveProbe(trained.Model);
        int[][][] pairs = [.. documents.OrderByDescending(d => d.Length).Chunk(2)];
        var compared = pairs.SelectMany(pair => naive.Compare(pair[0], pair[1]).Concat(naive.Compare(pair[1], pair[0]))).ToList();
        Assert.Equal((4, compared.Count), (report.Documents, report.Windows));
        Assert.Equal(compared.Sum(window => window.Own.Length), report.All.Tokens);
        Assert.Equal(compared.SelectMany(window => window.Own).Average(), report.All.Loss, Tolerance);
        foreach (var (condition, rise) in report.All.Rises)
        {
            // Of two rows a shuffle can only exchange both.
            var other = condition == MemoryCondition.Shuffled ? MemoryCondition.OtherDocument : condition;
            AssertRise([.. compared.Select(window => window.With[other].Zip(window.Own, (a, b) => a - b).ToArray())], rise);
        }

        foreach (var part in report.ByPosition)
        {
            var place = int.Parse(part.Name.Split(' ')[1]) - 1;
            var there = compared.Where(window => window.Own.Length > place).ToList();
            Assert.Equal(there.Count, part.Tokens);
            Assert.Equal(there.Average(window => window.Own[place]), part.Loss, Tolerance);
            AssertRise([.. there.Select(window => new[] { window.With[MemoryCondition.Zeroed][place] - window.Own[place] })], part.Rises[MemoryCondition.Zeroed]);
        }

        Assert.Equal(Window, report.ByPosition.Count);
    }

    [Fact]
    public void Tokens_are_told_apart_by_the_window_in_which_they_were_last_read()
    {
        var documents = Documents([0, 1, 2]);
        using var corpus = TokenCorpus.FromTokens(documents);
        var report = MemoryProbe.Run(trained.Model, corpus)!;

        // All in one group, which ends when the longest is left alone.
        var until = documents.Select(Windows).Order().ToArray()[^2];
        var expected = documents.SelectMany(d => Enumerable.Range(Window + 1, d.Length - Window - 1).Where(p => (p - 1) / Window < until).Select(p => Distance(d, p)))
            .GroupBy(name => name).ToDictionary(group => group.Key, group => (long)group.Count());
        Assert.Equal(expected, report.ByDistance.ToDictionary(tokens => tokens.Name, tokens => tokens.Tokens));
        Assert.InRange(expected.Count, 4, 6);
        Assert.Equal(report.All.Tokens, report.ByDistance.Sum(tokens => tokens.Tokens));
        Assert.Equal(report.All.Loss, report.ByDistance.Sum(tokens => tokens.Tokens * tokens.Loss) / report.All.Tokens, 1e-9);
    }

    [Fact]
    public void Probing_leaves_no_trace_and_gives_the_same_figures_again()
    {
        var (first, second) = (MemoryProbe.Run(trained.Model, trained.Corpus)!, MemoryProbe.Run(trained.Model, trained.Corpus)!);
        Assert.Equal(first.All.Loss, second.All.Loss);
        Assert.Equal(first.All.Rises, second.All.Rises);
    }

    [Fact]
    public void A_model_that_can_only_predict_by_its_memory_is_found_to_use_it()
    {
        using var lab = new RepetitionLab("pause.count=0", "memory.tokens=0", "step.carry=false", "train.steps=400");
        var report = lab.Probe()!;
        var verdict = ProbeVerdict.Of(report);
        Assert.Equal(ProbeFinding.Used, verdict.Finding);
        Assert.True(report.All.Rises[MemoryCondition.OtherDocument].Rise > 0.5, verdict.Sentence);
        Assert.Matches(@"^It uses its memory: with another document's the loss rises by \d\.\d{4} ± 0\.\d{4} nats a token, most for token \d of a window and for tokens last read 1 window ago\.$", verdict.Sentence);
    }

    [Fact]
    public void What_an_untrained_model_carries_makes_no_difference()
    {
        using var lab = new RepetitionLab("train.steps=1", "train.optimizer.lr=1e-12");
        var verdict = ProbeVerdict.Of(lab.Probe());
        Assert.Contains(verdict.Finding, new[] { ProbeFinding.NoDifference, ProbeFinding.OnlyItsPresence });
        Assert.Contains("makes no difference", verdict.Sentence);
    }

    [Fact]
    public void A_model_that_carries_nothing_is_told_from_one_that_does()
    {
        using var lab = new RepetitionLab("xl.scheme=none", "memory.tokens=0", "step.carry=false", "train.steps=1");
        Assert.Null(lab.Probe());
        Assert.Equal("The model carries nothing from window to window, so there is no memory to probe.", ProbeVerdict.Of(null).Sentence);
    }

    [Fact]
    public void A_single_document_is_refused_because_there_is_no_other_memory()
    {
        using var corpus = TokenCorpus.FromTokens(Documents([1]));
        Assert.Throws<UserException>(() => MemoryProbe.Run(trained.Model, corpus));
    }

    private int[][] Documents(int[] which) => [.. which.Select(d =>
    {
        var tokens = new int[trained.Corpus.DocumentLength(d)];
        trained.Corpus.CopyTokens(d, 0, tokens);
        return tokens;
    })];

    private static int Windows(int[] document) => (document.Length - 2 + Window) / Window;

    /// <summary>How long ago the token at a place was last read, found by looking back.</summary>
    private static string Distance(int[] document, int place)
    {
        var last = Array.LastIndexOf(document, document[place], place - 1);
        return (last < 0 ? int.MaxValue : (place - 1) / Window - last / Window) switch
        {
            int.MaxValue => "tokens never read before",
            0 => "tokens last read in this window",
            1 => "tokens last read 1 window ago",
            <= 4 => "tokens last read 2 – 4 windows ago",
            <= 16 => "tokens last read 5 – 16 windows ago",
            _ => "tokens last read longer ago",
        };
    }

    /// <summary>The mean over all tokens, and its error by the formula for a ratio.</summary>
    private static void AssertRise(double[][] windows, LossRise rise)
    {
        var mean = windows.SelectMany(w => w).Average();
        var variance = windows.Sum(w => Math.Pow(w.Sum() - mean * w.Length, 2)) / (windows.Length - 1) * windows.Length;
        Assert.Equal(mean, rise.Rise, Tolerance);
        Assert.Equal(Math.Sqrt(variance) / windows.Sum(w => w.Length), rise.StandardError, Tolerance);
    }

    private sealed record ComparedWindow(double[] Own, IReadOnlyDictionary<MemoryCondition, double[]> With);

    /// <summary>One document in one row of the reference device, its state read and written by hand.</summary>
    private sealed class NaiveProbe(LoadedModel trained)
    {
        /// <summary>The windows of a document that have a past, as long as the other document lasts.</summary>
        public IEnumerable<ComparedWindow> Compare(int[] document, int[] other)
        {
            var (states, others) = (States(document), States(other));
            return Enumerable.Range(1, Math.Min(states.Count, others.Count) - 1).Select(w => new ComparedWindow(
                Nll(document, w, states[w]),
                new Dictionary<MemoryCondition, double[]>
                {
                    [MemoryCondition.Zeroed] = Nll(document, w, states[w].ToDictionary(s => s.Key, s => new float[s.Value.Length])),
                    [MemoryCondition.OtherDocument] = Nll(document, w, others[w]),
                    [MemoryCondition.Absent] = Nll(document, w, states[w], forget: true),
                }));
        }

        /// <summary>What is carried into every window.</summary>
        private List<Dictionary<string, float[]>> States(int[] document)
        {
            var states = new List<Dictionary<string, float[]>> { Carry() };
            for (var w = 0; w + 1 < Windows(document); w++)
            {
                Nll(document, w, states[w], after: states.Add);
            }

            return states;
        }

        private Dictionary<string, float[]> Carry() =>
            trained.Model.Carry(1, EvaluationProgram.DefaultCarryPrefix).ToDictionary(c => c.Name, c => new float[c.Shape.Count]);

        private double[] Nll(int[] document, int w, Dictionary<string, float[]> state, bool forget = false, Action<Dictionary<string, float[]>>? after = null)
        {
            using var device = new ReferenceDevice();
            using var program = EvaluationProgram.Create(device, trained.Model, rows: 1, windows: 1);
            foreach (var parameter in trained.Model.Parameters)
            {
                var values = new float[parameter.Shape.Count];
                trained.Device.Read(parameter.Name, values);
                device.Write(parameter.Name, values);
            }

            foreach (var (name, values) in state)
            {
                device.Write(name, values);
            }

            var predicted = Math.Min(Window, document.Length - 1 - w * Window);
            var tokens = new int[Window];
            var targets = Enumerable.Repeat(-1, Window).ToArray();
            document.AsSpan(w * Window, predicted).CopyTo(tokens);
            document.AsSpan(w * Window + 1, predicted).CopyTo(targets);
            program.SetBatch(tokens, targets, [forget ? 0 : w], pauseSeed: 0);
            program.Run();
            var nll = new float[Window];
            program.CopyNll(nll);
            if (after is not null)
            {
                var next = Carry();
                foreach (var (name, values) in next)
                {
                    device.Read(name, values);
                }

                after(next);
            }

            return [.. nll.Take(predicted).Select(x => (double)x)];
        }
    }

    /// <summary>A model of bytes, trained on texts that say the same letters in every window: only the past tells which.</summary>
    private sealed class RepetitionLab : IDisposable
    {
        private readonly TemporaryFolder _root = new();
        private readonly LoadedModel _model;

        public RepetitionLab(params string[] overrides)
        {
            var recipe = TinyRun.Recipe([
                "vocabulary=257", "pause.random=false", "dim=32", "mlp.hidden=64", "train.batch=16", "train.optimizer.lr=0.01", "eval.batch=16", .. overrides]);
            TrainingRun.Run(new TrainRequest(recipe) { Documents = Texts(200, seed: 1), Out = _root.At("run"), Device = TinyRun.Cpu });
            _model = LoadedModel.Open(_root.At("run"), TinyRun.Cpu);
        }

        public ProbeReport? Probe()
        {
            using var corpus = TokenCorpus.FromTokens([.. Texts(16, seed: 2).Select(document => _model.Tokenizer.Encode(document.Text))]);
            return MemoryProbe.Run(_model, corpus);
        }

        public void Dispose()
        {
            _model.Dispose();
            _root.Dispose();
        }

        private static DocumentSource Texts(int count, int seed)
        {
            var random = new Random(seed);
            return DocumentSource.FromDocuments([.. Enumerable.Range(0, count).Select(i => new Document(
                $"{i}", string.Concat(Enumerable.Repeat(string.Concat(Enumerable.Range(0, Window).Select(_ => (char)('a' + random.Next(26)))), 8))))]);
        }
    }
}
