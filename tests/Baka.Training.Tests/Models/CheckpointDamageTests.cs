using Baka.Data;
using Baka.Training.Checkpoints;
using Baka.Training.Models;
using Baka.Training.Runs;
using Baka.Training.Tests.Runs;

namespace Baka.Training.Tests.Models;

public sealed class CheckpointDamageTests : IDisposable
{
    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void What_a_model_needs_is_checked_and_what_it_does_not_need_is_not()
    {
        var folder = TrainingRun.Run(TinyRun.Request(_root.At("run"), TinyRun.Recipe("train.steps=1"))).Checkpoint!;
        Flip(CheckpointFiles.Optimizer);
        LoadedModel.Open(folder, TinyRun.Cpu).Dispose();
        Assert.Throws<UserException>(() => TrainingRun.Run(TinyRun.Resume(folder)));
        foreach (var file in new[] { CheckpointFiles.Model, CheckpointFiles.Recipe, CheckpointFiles.Tokenizer })
        {
            Flip(file);
            var error = Assert.Throws<UserException>(() => LoadedModel.Open(folder, TinyRun.Cpu));
            Assert.Equal($"The checkpoint's file '{Path.Combine(folder, file)}' was changed after it was written: use an earlier checkpoint.", error.Message);
            Flip(file);
        }

        void Flip(string file)
        {
            var path = Path.Combine(folder, file);
            var bytes = File.ReadAllBytes(path);
            bytes[^5] ^= 1;
            File.WriteAllBytes(path, bytes);
        }
    }
}
