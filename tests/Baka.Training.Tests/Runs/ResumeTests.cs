using Baka.Data;
using Baka.Data.Documents;
using Baka.Training.Checkpoints;
using Baka.Training.Devices;
using Baka.Training.Runs;

namespace Baka.Training.Tests.Runs;

public sealed class ResumeTests : IDisposable
{
    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    public static TheoryData<string[]> Recipes => new(
        [],
        ["train.accumulate=2", "train.clip.percentile=30", "train.clip.norm=null"],
        ["xl.scheme=none", "memory.tokens=0", "step.carry=false", "train.schedule.kind=linear"],
        ["train.only=[attn, norms, layers.1]"],
        ["layers=[{ mlp.hidden: 0 }, { count: 2 }]", "mlp.share=abb", "mlp.lora=2", "train.accumulate=2"],
        ["layers=3", "fanout.step=4", "norm.split=true"],
        ["memory.solidifier=glu", "memory.mask=rmt", "xl.windows=2", "xl.sinks=1"],
        ["data.task.kind=copy", "data.task.segments=3"],
        ["data.task.kind=needle", "data.task.length=2", "data.task.segments=3", "train.curriculum.segments=[1, 2]", "train.curriculum.steps=5"]);

    [Theory]
    [MemberData(nameof(Recipes))]
    public void A_resumed_run_equals_one_that_never_stopped_to_the_bit(string[] overrides)
    {
        var whole = TrainWhole(TinyRun.TwoThreads, overrides);

        // In the middle of documents, at their ends and beyond the first pass over all of them.
        var folder = _root.At("parts");
        foreach (var stopAt in new[] { 1, 5, 11 })
        {
            Train(TinyRun.TwoThreads, folder, stopAt, overrides);
        }

        Assert.Equal(TrainEnd.Finished, Train(TinyRun.TwoThreads, folder, stopAt: 0, overrides));
        AssertEqualRuns(whole, folder);
    }

    [Fact]
    public void So_does_one_on_the_reference_device()
    {
        string[] overrides = ["train.steps=4", "layers=1", "dim=4", "mlp.hidden=4"];
        var whole = TrainWhole(TinyRun.Reference, overrides);
        var folder = _root.At("parts");
        Train(TinyRun.Reference, folder, stopAt: 2, overrides);
        Train(TinyRun.Reference, folder, stopAt: 0, overrides);
        AssertEqualRuns(whole, folder);
    }

    [Fact]
    public void Going_back_to_an_earlier_checkpoint_drops_what_was_recorded_after_it()
    {
        string[] overrides = ["train.checkpoint_every=3", "train.eval_every=4"];
        var whole = TrainWhole(TinyRun.Cpu, overrides);
        var history = MetricsReader.Read(Path.Combine(whole, "metrics.jsonl"));
        var before = Losses(whole);
        TrainingRun.Run(TinyRun.Resume(CheckpointPath.ForStep(whole, 9)));
        Assert.Equal(before, Losses(whole));
        Assert.Equal(history.Evaluations, MetricsReader.Read(Path.Combine(whole, "metrics.jsonl")).Evaluations);
    }

    [Fact]
    public void A_finished_run_can_be_given_more_steps()
    {
        var folder = TrainWhole(TinyRun.Cpu, []);
        var result = TrainingRun.Run(TinyRun.Resume(folder, null, "train.steps=15"));
        Assert.Equal(15, result.Step);
        Assert.Equal(Enumerable.Range(1, 15).Select(i => (long)i), MetricsReader.Read(Path.Combine(folder, "metrics.jsonl")).Steps.Select(s => s.Step));
        Assert.Contains("steps: 15", File.ReadAllText(Path.Combine(folder, "recipe.yaml")));
    }

    [Fact]
    public void Resuming_a_finished_run_measures_it_again_and_records_nothing_twice()
    {
        var folder = _root.At("whole");
        var first = TrainingRun.Run(TinyRun.Request(folder, TinyRun.Recipe()));
        var metrics = File.ReadAllText(Path.Combine(folder, "metrics.jsonl"));
        var again = TrainingRun.Run(TinyRun.Resume(folder));
        Assert.Equal(first.Final, again.Final);
        Assert.Equal(first.Last, again.Last);
        Assert.Equal(metrics, File.ReadAllText(Path.Combine(folder, "metrics.jsonl")));
    }

    [Fact]
    public void What_influences_the_steps_can_not_be_changed()
    {
        var folder = TrainWhole(TinyRun.Cpu, []);
        var error = Assert.Throws<UserException>(() => TrainingRun.Run(TinyRun.Resume(folder, null, "train.optimizer.lr=0.5")));
        Assert.Equal("A run that is resumed keeps its recipe, but 'lr: 0.5' is asked for where it has 'lr: 0.001': begin a new run with --init-from to change it.", error.Message);
    }

    [Fact]
    public void Other_texts_are_refused()
    {
        var folder = TrainWhole(TinyRun.Cpu, []);
        var other = DocumentSource.FromDocuments([.. TinyRun.Documents().Select(d => d with { Text = d.Text.Replace("cat", "cow") })]);
        var error = Assert.Throws<UserException>(() => TrainingRun.Run(TinyRun.Resume(folder) with { Documents = other }));
        Assert.Contains("The texts are not those that", error.Message);
    }

    [Fact]
    public void A_run_keeps_its_folder_and_weights()
    {
        var folder = TrainWhole(TinyRun.Cpu, []);
        Assert.Throws<UserException>(() => TrainingRun.Run(TinyRun.Resume(folder) with { Out = _root.At("elsewhere") }));
        Assert.Throws<UserException>(() => TrainingRun.Run(TinyRun.Resume(folder) with { InitFrom = folder }));
    }

    private string TrainWhole(DeviceChoice device, string[] overrides)
    {
        var folder = _root.At("whole");
        Assert.Equal(TrainEnd.Finished, TrainingRun.Run(TinyRun.Request(folder, TinyRun.Recipe(overrides), device)).End);
        return folder;
    }

    private static TrainEnd Train(DeviceChoice device, string folder, int stopAt, string[] overrides)
    {
        using var stop = new CancellationTokenSource();
        var observer = new RecordingObserver(step =>
        {
            if (step == stopAt)
            {
                stop.Cancel();
            }
        });
        var request = Directory.Exists(folder) ? TinyRun.Resume(folder, device) : TinyRun.Request(folder, TinyRun.Recipe(overrides), device);
        return TrainingRun.Run(request, observer, stop.Token).End;
    }

    private static void AssertEqualRuns(string whole, string parts)
    {
        Assert.Equal(Losses(whole), Losses(parts));
        foreach (var file in new[] { CheckpointFiles.Model, CheckpointFiles.Optimizer, CheckpointFiles.Carry })
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(CheckpointPath.Resolve(whole), file)), File.ReadAllBytes(Path.Combine(CheckpointPath.Resolve(parts), file)));
        }
    }

    private static List<(long Step, long Tokens, double Loss, double Norm, double Rate)> Losses(string folder) =>
        [.. MetricsReader.Read(Path.Combine(folder, "metrics.jsonl")).Steps.Select(s => (s.Step, s.Tokens, s.Loss, s.GradNorm, s.LearningRate))];
}
