using Baka.Data.Shards;
using Baka.Training.Models;
using Baka.Training.Runs;
using Baka.Training.Tests.Runs;

namespace Baka.Training.Tests.Models;

/// <summary>A model trained a little, for the tests of a class to share.</summary>
public sealed class TrainedModel : IDisposable
{
    private readonly TemporaryFolder _root = new();

    public TrainedModel()
    {
        // Pauses stand still, so that a document's figures depend on nothing else in the batch.
        TrainingRun.Run(TinyRun.Request(_root.At("run"), TinyRun.Recipe("pause.random=false", "train.steps=30", "train.optimizer.lr=0.02")));
        Model = LoadedModel.Open(_root.At("run"), TinyRun.Cpu);
        var texts = TinyRun.Documents(7).Select(d => d.Text).ToList();
        Corpus = TokenCorpus.FromTokens(
            [.. texts.Select(Model.Tokenizer.Encode)], [.. texts.Select(t => (long)System.Text.Encoding.UTF8.GetByteCount(t))]);
    }

    public LoadedModel Model { get; }

    public TokenCorpus Corpus { get; }

    public void Dispose()
    {
        Corpus.Dispose();
        Model.Dispose();
        _root.Dispose();
    }
}
