using System.Text.Json;
using Baka.Data;
using Baka.Data.Documents;
using Baka.Graph.Execution;
using Baka.Model.Recipes;
using Baka.Training.Checkpoints;
using Baka.Training.Devices;
using Baka.Training.Models;
using Baka.Training.Runs;

namespace Baka.Training.Tests.Runs;

public sealed class TrainingRunTests : IDisposable
{
    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void A_run_records_every_step_and_evaluation_and_what_it_ran_on()
    {
        var observer = new RecordingObserver();
        var folder = _root.At("run");
        var result = TrainingRun.Run(TinyRun.Request(folder, TinyRun.Recipe("train.eval_every=5")), observer);

        var history = MetricsReader.Read(Path.Combine(folder, "metrics.jsonl"));
        Assert.Equal(observer.Steps, history.Steps);
        Assert.Equal(Enumerable.Range(1, 12).Select(i => (long)i), history.Steps.Select(s => s.Step));
        Assert.Equal([(5, "valid"), (10, "valid"), (12, "valid"), (12, "valid-memory-off")], history.Evaluations.Select(e => ((int)e.Step, e.Split)));
        Assert.All(history.Evaluations, e => Assert.Equal(300, e.Tokens));
        Assert.Equal(result.Last, history.Evaluations[2]);
        Assert.Equal(result.Final!.MemoryOff, history.Evaluations[3]);
        Assert.Equal(300, result.Final.Baselines!.PredictedTokens);
        Assert.Equal(observer.Plan!.Recipe, RecipeLoader.Load(Path.Combine(folder, "recipe.yaml"), []));
        Assert.True(JsonDocument.Parse(File.ReadAllText(Path.Combine(folder, "environment.json"))).RootElement.TryGetProperty("started_utc", out _));
        Assert.NotEmpty(result.Final.Sample.Prompt);
    }

    [Fact]
    public void Long_documents_are_cut_for_training_alone()
    {
        var (whole, cut) = (new RecordingObserver(), new RecordingObserver());
        var first = TrainingRun.Run(TinyRun.Request(_root.At("whole"), TinyRun.Recipe()), whole);
        var second = TrainingRun.Run(TinyRun.Request(_root.At("cut"), TinyRun.Recipe("data.document_tokens=20")), cut);
        Assert.True(cut.Plan!.Training!.Value.Documents > whole.Plan!.Training!.Value.Documents);
        Assert.Equal(whole.Plan.Training.Value.Tokens, cut.Plan.Training.Value.Tokens);
        Assert.Equal(whole.Plan.Validation, cut.Plan.Validation);
        Assert.NotEqual(first.Last, second.Last);

        // What was cut goes on where it stopped.
        var stopped = _root.At("stopped");
        using var stop = new CancellationTokenSource();
        TrainingRun.Run(TinyRun.Request(stopped, TinyRun.Recipe("data.document_tokens=20")), new RecordingObserver(step => { if (step == 7) stop.Cancel(); }), stop.Token);
        Assert.Equal(second.Last, TrainingRun.Run(TinyRun.Resume(stopped)).Last);
    }

    [Fact]
    public void Training_learns()
    {
        var result = TrainingRun.Run(TinyRun.Request(_root.At("run"), TinyRun.Recipe("train.steps=60", "dim=16", "train.optimizer.lr=0.02", "memory.tokens=0")));
        Assert.True(result.Last!.Value.Loss < result.Final!.Baselines!.Unigram - 0.3, $"{result.Last.Value.Loss} beside {result.Final.Baselines}");
    }

    [Fact]
    public void Evaluations_leave_no_trace_in_training()
    {
        var quiet = new RecordingObserver();
        var measured = new RecordingObserver();
        TrainingRun.Run(TinyRun.Request(_root.At("quiet"), TinyRun.Recipe()), quiet);
        TrainingRun.Run(TinyRun.Request(_root.At("measured"), TinyRun.Recipe("train.eval_every=1")), measured);
        Assert.Equal(quiet.Steps.Select(s => (s.Loss, s.GradNorm)), measured.Steps.Select(s => (s.Loss, s.GradNorm)));
    }

    [Fact]
    public void The_best_and_the_latest_checkpoint_are_kept_and_named()
    {
        var observer = new RecordingObserver();
        var folder = _root.At("run");
        // A rate this high makes the loss go up and down.
        TrainingRun.Run(TinyRun.Request(folder, TinyRun.Recipe("train.eval_every=2", "train.checkpoint_every=3", "train.keep=1", "train.optimizer.lr=3", "train.schedule.kind=constant")), observer);

        var best = observer.Evaluations.Where(e => e.Split == "valid").MinBy(e => e.Loss);
        Assert.NotEqual(12, best.Step);
        Assert.Equal(CheckpointPath.ForStep(folder, best.Step), CheckpointPath.Resolve(Path.Combine(folder, "best")));
        Assert.Equal(CheckpointPath.ForStep(folder, 12), CheckpointPath.Resolve(Path.Combine(folder, "latest")));
        Assert.Equal(2, Directory.GetDirectories(Path.Combine(folder, "checkpoints")).Length);
        Assert.Equal(best.Loss, CheckpointReader.Open(folder).State.BestValidationLoss);
    }

    [Fact]
    public void Steps_that_are_not_finite_are_skipped_and_counted()
    {
        IDevice device = null!;
        float[] weights = [];
        var observer = new RecordingObserver(step =>
        {
            if (step == 3)
            {
                weights = Spoil(device);
            }
            else if (step == 5)
            {
                device.Write("lm_head.weight", weights);
            }
        });
        var result = TrainingRun.Run(TinyRun.Request(_root.At("run"), TinyRun.Recipe()), observer, default, choice => device = choice.Create());
        Assert.Equal(TrainEnd.Finished, result.End);
        Assert.Equal(2, result.SkippedSteps);
        Assert.Equal([4, 5], observer.Steps.Where(s => s.Skipped).Select(s => s.Step));
        Assert.All(observer.Steps, s => Assert.Equal(s.Skipped, !double.IsFinite(s.Loss)));
        Assert.Equal(10, CheckpointReader.Open(result.Folder).State.OptimizerSteps);
    }

    [Fact]
    public void Too_many_of_them_in_a_row_end_the_run_and_the_last_good_checkpoint_is_named()
    {
        IDevice device = null!;
        var observer = new RecordingObserver(step =>
        {
            if (step == 3)
            {
                Spoil(device);
            }
        });
        var recipe = TinyRun.Recipe("train.checkpoint_every=2", "train.stop_after_bad=4");
        var result = TrainingRun.Run(TinyRun.Request(_root.At("run"), recipe), observer, default, choice => device = choice.Create());
        Assert.Equal(TrainEnd.TooManyBadSteps, result.End);
        Assert.Equal(7, result.Step);
        Assert.Equal(CheckpointPath.ForStep(result.Folder, 2), result.Checkpoint);
    }

    [Fact]
    public void Debugging_stops_at_the_first_number_that_is_not_finite_and_says_where_it_was_made()
    {
        var error = Assert.Throws<UserException>(() => TrainingRun.Run(
            TinyRun.Request(_root.At("run"), TinyRun.Recipe("layers=1", "train.optimizer.lr=1e30", "train.schedule.warmup=0"), TinyRun.Reference)));
        Assert.Matches("^In step [0-9]+, .*layers.0.* is the first to give NaN or infinity", error.Message);
    }

    [Fact]
    public void A_run_that_is_asked_to_stop_saves_and_says_how_to_go_on()
    {
        using var stop = new CancellationTokenSource();
        var result = TrainingRun.Run(TinyRun.Request(_root.At("run"), TinyRun.Recipe()), new RecordingObserver(_ => stop.Cancel()), stop.Token);
        Assert.Equal(TrainEnd.Stopped, result.End);
        Assert.Equal(1, result.Step);
        Assert.Equal(CheckpointPath.ForStep(result.Folder, 1), result.Checkpoint);
        Assert.Equal($"baka train --resume {result.Folder}", result.ResumeCommand);
        Assert.Null(result.Final);
    }

    [Fact]
    public void A_run_that_is_stopped_before_it_began_leaves_nothing()
    {
        Assert.ThrowsAny<OperationCanceledException>(() =>
            TrainingRun.Run(TinyRun.Request(_root.At("run"), TinyRun.Recipe()), null, new CancellationToken(canceled: true)));
        Assert.False(Directory.Exists(_root.At("run")));
    }

    [Fact]
    public void Only_an_empty_folder_is_taken_for_a_run()
    {
        File.WriteAllText(Path.Combine(Directory.CreateDirectory(_root.At("run")).FullName, "letter.txt"), "mine");
        var error = Assert.Throws<UserException>(() => TrainingRun.Run(TinyRun.Request(_root.At("run"), TinyRun.Recipe())));
        Assert.EndsWith("is not empty: continue its run with --resume, or give another folder.", error.Message);
    }

    [Fact]
    public void A_text_too_short_for_the_vocabulary_makes_it_smaller()
    {
        var observer = new RecordingObserver();
        var request = TinyRun.Request(_root.At("run"), TinyRun.Recipe("vocabulary=5000", "train.steps=1"));
        TrainingRun.Run(request, observer);
        var size = observer.Plan!.Recipe.Model.Vocabulary;
        Assert.InRange(size, 271, 400);
        Assert.Equal($"The text is too short for a vocabulary of 5000: it gave {size} tokens, and so many the model has.", Assert.Single(observer.Messages));
        using var model = LoadedModel.Open(request.Out!, TinyRun.Cpu);
        Assert.Equal(size, model.Tokenizer.VocabularySize);
        Assert.Equal(size, model.Model.Recipe.Vocabulary);
    }

    [Fact]
    public void A_tokenizer_with_more_tokens_than_the_model_is_refused_and_one_with_fewer_is_not()
    {
        var path = _root.At("tokenizer.json");
        TrainingRun.Run(TinyRun.Request(_root.At("first"), TinyRun.Recipe("train.steps=1")));
        using (var model = LoadedModel.Open(_root.At("first"), TinyRun.Cpu))
        {
            model.Tokenizer.Save(path);
        }

        var error = Assert.Throws<UserException>(() =>
            TrainingRun.Run(TinyRun.Request(_root.At("second"), TinyRun.Recipe("vocabulary=260", $"tokenizer.path={path}"))));
        Assert.Equal($"The tokenizer '{path}' has 270 tokens, but the model's vocabulary is 260: set vocabulary=270.", error.Message);

        // The sample, of 120 tokens of a model that knows nothing, would hold some of the 230 tokens that don't exist.
        var result = TrainingRun.Run(TinyRun.Request(_root.At("third"), TinyRun.Recipe("vocabulary=500", $"tokenizer.path={path}", "train.steps=1")));
        Assert.NotNull(result.Final);
        Assert.Equal(500, RecipeLoader.Load(Path.Combine(result.Folder, "recipe.yaml"), []).Model.Vocabulary);
    }

    [Fact]
    public void Texts_in_files_are_found_again_from_anywhere_and_encoded_once()
    {
        var data = Directory.CreateDirectory(_root.At("data")).FullName;
        foreach (var (i, document) in TinyRun.Documents().Index())
        {
            File.WriteAllText(Path.Combine(data, $"{i}.txt"), document.Text);
        }

        var relative = Path.GetRelativePath(Directory.GetCurrentDirectory(), data);
        var stages = new RecordingObserver();
        var first = TrainingRun.Run(new TrainRequest(TinyRun.Recipe()) with { Data = [relative], Out = _root.At("first"), Device = TinyRun.Cpu }, stages);
        Assert.Contains("counting pieces", stages.Stages);
        Assert.Equal([data], RecipeLoader.Load(Path.Combine(first.Folder, "recipe.yaml"), []).Data.Train);

        stages.Stages.Clear();
        var second = TrainingRun.Run(new TrainRequest(TinyRun.Recipe()) with { Data = [data], Out = _root.At("second"), Device = TinyRun.Cpu }, stages);
        Assert.DoesNotContain(stages.Stages, s => s.StartsWith("counting pieces") || s.StartsWith("encoding"));
        Assert.Equal(first.Last!.Value.Loss, second.Last!.Value.Loss);

        var more = TrainingRun.Run(TrainRequest.ToResume(first.Folder, ["train.steps=14"], TinyRun.Cpu));
        Assert.Equal(14, more.Step);
    }

    [Theory]
    [InlineData("train.clip.percentile=50")]
    [InlineData("data.task.kind=copy")]
    public void A_steady_step_and_its_record_allocate_nothing(string setting)
    {
        var recipe = TinyRun.Recipe("train.steps=1000", setting);
        var request = TinyRun.Request(_root.At("run"), recipe);
        using var prepared = PreparedRun.Prepare(request, new NoObserver(), default);
        using var device = request.Device.Create();
        using var session = new TrainingSession(prepared.Recipe, prepared.Corpora, device);
        Parameters.Initialize(device, session.Model, 1);
        using var log = new MetricsLog(_root.At("metrics.jsonl"));
        for (var i = 0; i < 40; i++)
        {
            Step();
        }

        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 20; i++)
        {
            Step();
        }

        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);

        void Step()
        {
            log.Append(session.Advance());
            _ = session.Progress;
        }
    }

    private static float[] Spoil(IDevice device)
    {
        var weights = new float[device.Variables["lm_head.weight"].Count];
        device.Read("lm_head.weight", weights);
        float[] spoiled = [.. weights];
        spoiled[5] = float.NaN;
        device.Write("lm_head.weight", spoiled);
        return weights;
    }
}
