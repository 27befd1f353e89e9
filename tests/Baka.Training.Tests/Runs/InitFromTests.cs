using Baka.Data;
using Baka.Training.Checkpoints;
using Baka.Training.Models;
using Baka.Training.Runs;

namespace Baka.Training.Tests.Runs;

public sealed class InitFromTests : IDisposable
{
    // So small a rate that a step changes no weight.
    private const string StandStill = "train.optimizer.lr=1e-30";

    private readonly TemporaryFolder _root = new();
    private readonly string _source;

    public InitFromTests()
    {
        _source = _root.At("source");
        TrainingRun.Run(TinyRun.Request(_source, TinyRun.Recipe("train.steps=3")));
    }

    public void Dispose() => _root.Dispose();

    [Fact]
    public void Only_the_weights_and_the_tokenizer_are_taken()
    {
        var request = TinyRun.Request(_root.At("next"), TinyRun.Recipe("train.steps=1", "train.seed=5", "vocabulary=300", StandStill)) with { InitFrom = _source };
        var observer = new RecordingObserver();
        var result = TrainingRun.Run(request, observer);
        Assert.Equal("The model's vocabulary is that of the checkpoint, 270, instead of 300.", Assert.Single(observer.Messages));
        foreach (var file in new[] { CheckpointFiles.Model, CheckpointFiles.Tokenizer })
        {
            Assert.Equal(File.ReadAllBytes(Path.Combine(CheckpointPath.Resolve(_source), file)), File.ReadAllBytes(Path.Combine(result.Checkpoint!, file)));
        }

        Assert.Equal(1, CheckpointReader.Open(result.Folder).State.OptimizerSteps);
    }

    [Fact]
    public void A_model_of_other_sizes_is_refused_by_the_tensor_and_both_shapes()
    {
        var request = TinyRun.Request(_root.At("next"), TinyRun.Recipe("mlp.hidden=24")) with { InitFrom = _source };
        var error = Assert.Throws<UserException>(() => TrainingRun.Run(request));
        Assert.Equal(
            $"The tensor 'layers.0.mlp.gate.weight' has the shape [16, 8] in '{CheckpointPath.ForStep(_source, 3)}', but [24, 8] in this model: use the recipe that it was trained with.",
            error.Message);
    }

    [Fact]
    public void Parts_that_are_new_begin_at_random_and_parts_without_a_place_are_told()
    {
        var observer = new RecordingObserver();
        var request = TinyRun.Request(_root.At("next"), TinyRun.Recipe("train.steps=1", "step.width=0", "step.carry=false", "gate.of=[attn, mlp]", "memory.solidifier=glu", StandStill));
        var result = TrainingRun.Run(request with { InitFrom = _source }, observer);
        Assert.Contains(observer.Messages, m => m.StartsWith("2 tensors begin at random, since the checkpoint has none: "));
        Assert.Contains(observer.Messages, m => m.StartsWith("4 tensors of the checkpoint have no place in this model: ") && m.Contains("layers.0.step.weight"));
        using var from = SafetensorsReader.Open(Path.Combine(CheckpointPath.Resolve(_source), CheckpointFiles.Model));
        using var to = SafetensorsReader.Open(Path.Combine(result.Checkpoint!, CheckpointFiles.Model));
        Assert.Equal(Values(from, "embed.weight"), Values(to, "embed.weight"));
    }

    private static float[] Values(SafetensorsReader file, string name)
    {
        var values = new float[file.Find(name).Count];
        file.Read(name, values);
        return values;
    }
}
