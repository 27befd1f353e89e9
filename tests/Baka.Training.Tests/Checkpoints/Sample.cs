using System.Text.Json.Nodes;
using Baka.Training.Checkpoints;
using Baka.Training.Optimization;

namespace Baka.Training.Tests.Checkpoints;

/// <summary>A small checkpoint whose contents tell which one it is.</summary>
internal static class Sample
{
    public static CheckpointState State(long step, int mark = 0) => new()
    {
        Step = step,
        Epoch = 2,
        TokensSeen = step * 1000,
        OptimizerSteps = step - 1,
        BestValidationLoss = 0.1 + 0.2,
        SkippedSteps = mark,
        SkippedInARow = 1,
        AutoClipHistory = [1.5, 1e-310, 1 / 3.0],
        RandomStates = new Dictionary<string, RngState> { ["data"] = new Rng((ulong)step).State },
        DataPosition = JsonNode.Parse("""{"shard": 3, "rows": [1, 2]}"""),
        WallSeconds = 12.75,
    };

    public static IReadOnlyList<CheckpointFile> Files(long step, int mark = 0) =>
    [
        CheckpointFile.Tensors(CheckpointFiles.Model, [new TensorSource("w", [2], new float[] { step, mark })]),
        CheckpointFile.Tensors(CheckpointFiles.Optimizer, [new TensorSource("w.m", [100_000], new float[100_000])]),
        CheckpointFile.Text(CheckpointFiles.Recipe, $"step: {step}\n"),
    ];

    /// <summary>Opens a checkpoint, checks every hash and that all parts are of one step and mark, and returns those.</summary>
    public static (long Step, int Mark) Identify(string path)
    {
        var checkpoint = CheckpointReader.Open(path);
        using var model = checkpoint.OpenTensors(CheckpointFiles.Model);
        var weights = new float[2];
        model.Read("w", weights);
        Assert.Equal([checkpoint.State.Step, checkpoint.State.SkippedSteps], weights);
        Assert.Equal($"step: {checkpoint.State.Step}\n", checkpoint.ReadText(CheckpointFiles.Recipe));
        return (checkpoint.State.Step, (int)weights[1]);
    }
}
