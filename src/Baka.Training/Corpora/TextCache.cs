using System.Buffers.Binary;
using System.Security.Cryptography;
using Baka.Data;
using Baka.Data.Documents;
using Baka.Data.Shards;
using Baka.Data.Tokenizers;

namespace Baka.Training.Corpora;

/// <summary>Trains tokenizers and encodes texts, or finds what was made of the same texts before.</summary>
/// <param name="threads">That work.</param>
/// <param name="keep">Whether results are looked for and kept in the <see cref="CacheFolder"/>.</param>
internal sealed class TextCache(int threads, bool keep, IProgress<DataProgress>? progress, CancellationToken stop)
{
    // To be raised when the same text would give another tokenizer.
    private const byte TrainerVersion = 1;

    /// <exception cref="UserException">The texts can't be read, or the cache can't be written.</exception>
    public Tokenizer Train(DocumentSource texts, int vocabulary)
    {
        if (!keep)
        {
            return BpeTrainer.Train(texts, vocabulary, threads, progress, stop);
        }

        var path = PathFor(texts, vocabulary);
        if (TryLoad(path) is { } known)
        {
            return known;
        }

        var tokenizer = BpeTrainer.Train(texts, vocabulary, threads, progress, stop);
        CreateFolder(CacheFolder.Tokenizers);
        tokenizer.Save(path);
        return tokenizer;
    }

    /// <exception cref="UserException">The texts can't be read, or the cache can't be written.</exception>
    public TokenCorpus Encode(DocumentSource texts, Tokenizer tokenizer)
    {
        if (keep)
        {
            return CorpusCache.Open(texts, tokenizer, CacheFolder.Texts, threads, progress, stop);
        }

        var encoded = ParallelEncoder.Encode(texts, tokenizer, threads, stop).ToList();
        return TokenCorpus.FromTokens([.. encoded.Select(d => d.Tokens.ToArray())], [.. encoded.Select(d => d.TextBytes)]);
    }

    private static string PathFor(DocumentSource texts, int vocabulary)
    {
        var size = new byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(size, vocabulary);
        var key = Convert.ToHexStringLower(SHA256.HashData([TrainerVersion, .. size, .. texts.Fingerprint]));
        return Path.Combine(CacheFolder.Tokenizers, $"{key[..32]}.json");
    }

    private static Tokenizer? TryLoad(string path)
    {
        try
        {
            return File.Exists(path) ? Tokenizer.Load(path) : null;
        }
        catch (UserException)
        {
            // Damaged: made anew.
            return null;
        }
    }

    private static void CreateFolder(string folder)
    {
        try
        {
            Directory.CreateDirectory(folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"The cache '{folder}' can't be made ({e.Message.TrimEnd('.')}): name another with the environment variable {CacheFolder.Variable}.", e);
        }
    }
}
