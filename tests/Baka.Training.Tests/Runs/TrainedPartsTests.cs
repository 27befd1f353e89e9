using Baka.Training.Checkpoints;
using Baka.Training.Runs;

namespace Baka.Training.Tests.Runs;

/// <summary>Runs that train parts of a model: new layers on those that are trained already, or one component.</summary>
public sealed class TrainedPartsTests : IDisposable
{
    private readonly TemporaryFolder _root = new();
    private readonly string _two;

    public TrainedPartsTests()
    {
        _two = _root.At("two");
        TrainingRun.Run(TinyRun.Request(_two, TinyRun.Recipe("train.steps=3")));
    }

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Layers_are_stacked_on_frozen_ones_which_stay_as_they_are_and_trained_together_afterwards()
    {
        var observer = new RecordingObserver();
        var stacked = _root.At("stacked");
        TrainingRun.Run(Request(stacked, _two, "layers=4", "train.only=[layers.2-, head]", "train.steps=4"), observer);
        Assert.Contains(observer.Messages, m => m.Contains("begin at random, since the checkpoint has none: layers.2.norm.weight"));
        Assert.DoesNotContain(observer.Messages, m => m.Contains("have no place"));
        var (before, after) = (Values(_two, CheckpointFiles.Model), Values(stacked, CheckpointFiles.Model));
        Assert.All(before.Where(p => p.Key != "lm_head.weight"), p => Assert.Equal(p.Value, after[p.Key]));
        Assert.NotEqual(before["lm_head.weight"], after["lm_head.weight"]);
        Assert.Equal(
            after.Keys.Where(name => name.StartsWith("layers.2.") || name.StartsWith("layers.3.") || name == "lm_head.weight").Order(StringComparer.Ordinal),
            Values(stacked, CheckpointFiles.Optimizer).Keys.Where(name => name.StartsWith("adam.m.")).Select(name => name[7..]).Order(StringComparer.Ordinal));

        var whole = _root.At("whole");
        TrainingRun.Run(Request(whole, stacked, "layers=4", "train.steps=2"), observer);
        Assert.All(Values(whole, CheckpointFiles.Model), p => Assert.NotEqual(after[p.Key], p.Value));
    }

    [Fact]
    public void A_component_trained_alone_is_all_that_differs()
    {
        var tuned = _root.At("tuned");
        TrainingRun.Run(Request(tuned, _two, "train.only=[step]", "train.steps=2"));
        var (before, after) = (Values(_two, CheckpointFiles.Model), Values(tuned, CheckpointFiles.Model));
        Assert.Equal(["layers.0.step.weight", "layers.1.step.weight"], before.Keys.Where(p => !before[p].AsSpan().SequenceEqual(after[p])).Order(StringComparer.Ordinal));
        Assert.Equal(4, Values(tuned, CheckpointFiles.Optimizer).Count);
    }

    private static TrainRequest Request(string folder, string from, params string[] overrides) =>
        TinyRun.Request(folder, TinyRun.Recipe(overrides)) with { InitFrom = from };

    private static Dictionary<string, float[]> Values(string run, string name)
    {
        using var file = SafetensorsReader.Open(Path.Combine(CheckpointPath.Resolve(run), name));
        return file.Tensors.Keys.ToDictionary(tensor => tensor, tensor =>
        {
            var values = new float[file.Find(tensor).Count];
            file.Read(tensor, values);
            return values;
        });
    }
}
