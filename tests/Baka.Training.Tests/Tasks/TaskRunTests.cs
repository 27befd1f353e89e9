using Baka.Data;
using Baka.Data.Streams;
using Baka.Model.Programs;
using Baka.Model.Recipes;
using Baka.Training.Corpora;
using Baka.Training.Evaluation;
using Baka.Training.Models;
using Baka.Training.Runs;
using Baka.Training.Tests.Runs;

namespace Baka.Training.Tests.Tasks;

/// <summary>Runs on memory tasks, from the recipe to the figures.</summary>
public sealed class TaskRunTests : IDisposable
{
    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    public static TheoryData<string> Kinds => new(Enum.GetValues<TaskKind>().Select(ChoiceName.Of));

    [Theory]
    [MemberData(nameof(Kinds))]
    public void Accuracy_counts_answers_that_have_the_largest_logit(string kind)
    {
        var result = TrainingRun.Run(TinyRun.Request(_root.At("run"), TinyRun.Recipe(
            "pause.random=false", "train.steps=40", "train.optimizer.lr=0.03", $"data.task.kind={kind}", "data.task.segments=3", "data.task.length=2", "data.task.symbols=3", "eval.tokens=60")));
        using var model = LoadedModel.Open(_root.At("run"), TinyRun.Cpu);
        using var corpus = ModelTexts.Open(model, [], threads: 1);
        foreach (var memory in (bool[])[true, false])
        {
            var report = Evaluator.Run(model, corpus, memory, limit: 60);
            Assert.Equal(NaiveAccuracy(model, corpus, memory, 60), (report.Accuracy, report.ExactMatch));
            Assert.InRange(report.Accuracy, 0.01, 0.99);
            Assert.Equal((0, double.NaN), (report.Bytes, report.BitsPerByte));
            var recorded = memory ? result.Last!.Value : result.Final!.MemoryOff!.Value;
            Assert.Equal((report.Loss, report.Accuracy, report.ExactMatch, report.Tokens), (recorded.Loss, recorded.Accuracy, recorded.ExactMatch, recorded.Tokens));
        }
    }

    [Fact]
    public void The_vocabulary_is_the_tasks_symbols_and_the_sample_answers()
    {
        var observer = new RecordingObserver();
        var result = TrainingRun.Run(TinyRun.Request(_root.At("run"), TinyRun.Recipe("data.task.kind=copy", "data.task.segments=3", "data.task.symbols=4", "train.steps=2")), observer);
        Assert.Equal(6, RecipeLoader.Load(Path.Combine(result.Folder, "recipe.yaml"), []).Model.Vocabulary);
        Assert.Matches("^[abcd]{8}>$", result.Final!.Sample.Prompt);
        Assert.Equal(16, result.Final.Sample.Continuation.Length);
        Assert.Null(result.Final.Baselines);
        Assert.Equal("the task copy over 3 windows of 8 tokens", observer.Plan!.Data);
        Assert.Null(observer.Plan.Training);
        Assert.Equal(1000, observer.Plan.Validation.Documents);
        Assert.DoesNotContain(observer.Stages, stage => stage.Contains("reading") || stage.Contains("n-grams"));
        Assert.Empty(observer.Messages);
    }

    [Fact]
    public void A_curriculum_lengthens_documents_when_its_steps_are_done()
    {
        var observer = new RecordingObserver();
        TrainingRun.Run(TinyRun.Request(_root.At("run"), TinyRun.Recipe(
            "data.task.kind=needle", "data.task.length=1", "data.task.segments=4", "train.curriculum.segments=[1, 2]", "train.curriculum.steps=3",
            "train.windows_per_step=4", "train.steps=8")), observer);

        // Each document has one answer: a step of 3 rows and 4 windows reads 12 short ones, then 6, then 3.
        var tokens = observer.Steps.Select(step => step.Tokens).Prepend(0).ToArray();
        Assert.Equal([12, 12, 12, 6, 6, 6, 3, 3], tokens.Zip(tokens.Skip(1), (before, after) => after - before));
    }

    [Fact]
    public void Other_seeds_learn_from_other_documents_and_are_measured_on_the_same()
    {
        static int[] First(ICorpus corpus)
        {
            var tokens = new int[9];
            corpus.CopyTokens(0, 0, tokens);
            return tokens;
        }

        using var one = TaskCorpora.Open(TinyRun.Recipe("data.task.kind=needle", "data.task.length=2"));
        using var two = TaskCorpora.Open(TinyRun.Recipe("data.task.kind=needle", "data.task.length=2", "train.seed=2"));
        Assert.NotEqual(First(one.Training), First(two.Training));
        Assert.Equal(First(one.Validation), First(two.Validation));
    }

    [Fact]
    public void Weights_go_on_with_another_task_of_the_same_symbols_alone()
    {
        TrainingRun.Run(TinyRun.Request(_root.At("copy"), TinyRun.Recipe("data.task.kind=copy", "train.steps=1")));
        TrainRequest From(string kind) => TinyRun.Request(_root.At(kind), TinyRun.Recipe($"data.task.kind={kind}", "train.steps=1")) with { InitFrom = _root.At("copy") };
        TrainingRun.Run(From("reverse"));
        var refusal = Assert.Throws<UserException>(() => TrainingRun.Run(From("needle"))).Message;
        Assert.Equal($"The tokens of '{Baka.Training.Checkpoints.CheckpointPath.Resolve(_root.At("copy"))}' are not the symbols of the task needle over 1 windows of 8 tokens: begin without its weights.", refusal);
    }

    [Fact]
    public void Texts_beside_a_task_are_refused()
    {
        var request = new TrainRequest(TinyRun.Recipe("data.task.kind=copy")) { Out = _root.At("run"), Device = TinyRun.Cpu };
        Assert.EndsWith(
            "data.task generates its documents, but texts are given too: leave out one of them.",
            Assert.Throws<RecipeException>(() => TrainingRun.Run(request with { Data = ["book.txt"] })).Message);
        Assert.StartsWith("The recipe's task generates its documents", Assert.Throws<UserException>(() => TrainingRun.Run(request with { Documents = TinyRun.Documents() })).Message);
    }

    [Fact]
    public void What_does_not_fit_the_windows_of_a_stage_is_refused_before_training()
    {
        var recipe = TinyRun.Recipe("data.task.kind=copy", "data.task.length=5", "data.task.segments=2", "train.curriculum.segments=[1]");
        Assert.StartsWith("a document of the task needs 16 tokens but has 9", Assert.Throws<UserException>(() => TrainingRun.Run(TinyRun.Request(_root.At("run"), recipe))).Message);
        Assert.False(Directory.Exists(_root.At("run")));
    }

    [Fact]
    public void Recurrent_memory_learns_to_reverse_what_the_window_before_said()
    {
        // Four of eight symbols stand in the first window, the question and the answer in the second: chance is right once in eight times.
        string[] task =
        [
            "preset=tiny", "layers=2", "dim=64", "heads=2", "mlp.hidden=128", "window=8", "xl.scheme=none", "pause.count=0", "step.width=0", "step.carry=false", "gate.of=[]", "mlp.act=silu",
            "pause.random=false", "data.task.kind=reverse", "data.task.length=4", "data.task.distance=8", "data.task.segments=2", "data.task.symbols=8",
            "train.batch=32", "train.windows_per_step=2", "train.steps=200", "train.schedule.warmup=20", "train.optimizer.lr=0.003", "train.optimizer.beta2=0.98", "eval.batch=50", "eval.tokens=1600",
        ];
        double Learn(string memory)
        {
            using var folder = new TemporaryFolder();
            return TrainingRun.Run(TinyRun.Request(folder.At("run"), TinyRun.Recipe([.. task, memory]), TinyRun.TwoThreads)).Last!.Value.Accuracy;
        }

        Assert.InRange(Learn("memory.tokens=4"), 0.9, 1);
        Assert.InRange(Learn("memory.tokens=0"), 0.05, 0.2);
    }

    /// <summary>Token by token: how many of the answers are what greedy generation would choose, and of how many documents all.</summary>
    internal static (double Accuracy, double ExactMatch) NaiveAccuracy(LoadedModel model, ICorpus corpus, bool memory, long? limit = null)
    {
        using var generator = Generator.Create(model.Device, model.Model);
        var (window, counted, correct, exact, documents) = (model.Model.Recipe.Window, 0, 0, 0, 0);
        foreach (var span in corpus.Evaluated(limit))
        {
            var (tokens, targets) = (new int[span.Tokens], new int[span.Tokens]);
            corpus.CopyTokens(span.Document, 0, tokens);
            corpus.CopyTargets(span.Document, 0, targets);
            var (right, asked) = (0, 0);
            generator.Reset();
            for (var i = 1; i < tokens.Length; i++)
            {
                if (!memory && (i - 1) % window == 0)
                {
                    generator.Reset();
                }

                generator.Feed(tokens[i - 1]);
                if (targets[i] == WindowBatch.NoTarget)
                {
                    continue;
                }

                asked++;
                right += generator.Logits.IndexOf(generator.Logits.ToArray().Max()) == tokens[i] ? 1 : 0;
            }

            (counted, correct, exact, documents) = (counted + asked, correct + right, exact + (right == asked ? 1 : 0), documents + 1);
        }

        return ((double)correct / counted, (double)exact / documents);
    }
}
