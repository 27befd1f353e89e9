using Baka.Data.Shards;
using Baka.Data.Tokenizers;

namespace Baka.Training.Corpora;

/// <summary>The tokens of a run.</summary>
/// <param name="Fingerprint">Of the texts.</param>
internal sealed record EncodedTexts(Tokenizer Tokenizer, TokenCorpus Training, TokenCorpus Validation, string Fingerprint) : IDisposable
{
    public static EncodedTexts Encode(RunTexts texts, Tokenizer tokenizer, TextCache cache)
    {
        var training = cache.Encode(texts.Training, tokenizer);
        try
        {
            return new EncodedTexts(tokenizer, training, cache.Encode(texts.Validation, tokenizer), texts.Fingerprint);
        }
        catch
        {
            training.Dispose();
            throw;
        }
    }

    public void Dispose()
    {
        Training.Dispose();
        Validation.Dispose();
    }
}
