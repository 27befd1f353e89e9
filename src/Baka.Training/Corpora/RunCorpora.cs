using Baka.Data.Streams;
using Baka.Data.Tokenizers;

namespace Baka.Training.Corpora;

/// <summary>What a run learns from and is validated on, in tokens.</summary>
/// <param name="Stages">What is learned from, by the step from which on it is.</param>
/// <param name="Description">What is learned from, in words.</param>
/// <param name="Fingerprint">Of all documents.</param>
internal sealed record RunCorpora(Tokenizer Tokenizer, IReadOnlyList<TrainingStage> Stages, ICorpus Validation, string Description, string Fingerprint) : IDisposable
{
    /// <param name="longest">Tokens of the longest document to learn from, into which longer ones are cut; null for documents as they are.</param>
    public static RunCorpora Encode(RunTexts texts, Tokenizer tokenizer, int? longest, TextCache cache)
    {
        var training = cache.Encode(texts.Training, tokenizer);
        training = longest is { } tokens ? training.Cut(tokens) : training;
        try
        {
            var validation = cache.Encode(texts.Validation, tokenizer);
            return new RunCorpora(tokenizer, [new TrainingStage(0, training)], validation, texts.Training.Description, texts.Fingerprint);
        }
        catch
        {
            training.Dispose();
            throw;
        }
    }

    /// <summary>What is learned from in the end.</summary>
    public ICorpus Training => Stages[^1].Corpus;

    public void Dispose()
    {
        foreach (var stage in Stages)
        {
            stage.Corpus.Dispose();
        }

        Validation.Dispose();
    }
}

/// <summary>What is learned from, from one step on.</summary>
/// <param name="FirstStep">Steps done before.</param>
internal readonly record struct TrainingStage(long FirstStep, ICorpus Corpus);
