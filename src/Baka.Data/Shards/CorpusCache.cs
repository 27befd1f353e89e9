using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Baka.Data.Documents;
using Baka.Data.Tokenizers;

namespace Baka.Data.Shards;

/// <summary>
/// Keeps encoded corpora in a folder, each under the hash of its text and its tokenizer. An entry is a folder with a shard
/// and its index that is made under another name, flushed, and renamed: it is there whole or not at all, also when
/// several processes make it at once. Its hashes are checked when it is opened; a damaged one is made anew.
/// </summary>
public static class CorpusCache
{
    // Part of the key: to be raised when the same text would be encoded or kept otherwise.
    private const byte FormatVersion = 1;

    private const string ShardName = "tokens.bin";
    private static readonly TimeSpan AbandonedAfter = TimeSpan.FromDays(1);

    /// <summary>The encoded corpus, from the cache if it is there.</summary>
    /// <param name="source">The documents.</param>
    /// <param name="tokenizer">Encodes them.</param>
    /// <param name="folder">The cache; made if it is not there.</param>
    /// <param name="threads">Threads that encode.</param>
    /// <param name="progress">Told the stage.</param>
    /// <param name="cancellation">Ends the work with <see cref="OperationCanceledException"/>; nothing is left behind.</param>
    /// <exception cref="UserException">A document can't be read, or the cache can't be written.</exception>
    public static TokenCorpus Open(
        DocumentSource source,
        Tokenizer tokenizer,
        string folder,
        int threads,
        IProgress<DataProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        var key = Convert.ToHexStringLower(SHA256.HashData([FormatVersion, .. source.Fingerprint, .. tokenizer.Fingerprint]));
        var entry = Path.Combine(folder, key[..32]);
        try
        {
            if (TryOpen(entry) is { } cached)
                return cached;
            Directory.CreateDirectory(folder);
            RemoveAbandoned(folder);
            progress?.Report(new DataProgress($"encoding {source.Description}", null));
            var made = Path.Combine(folder, $"{Guid.NewGuid():N}.tmp");
            try
            {
                Make(made, source, tokenizer, threads, cancellation);
                return Publish(made, entry);
            }
            finally
            {
                if (Directory.Exists(made))
                    Directory.Delete(made, recursive: true);
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{folder}: encoded text can't be kept there ({failure.Message.TrimEnd('.')}); check its permissions and the free space.", failure);
        }
    }

    private static TokenCorpus? TryOpen(string entry)
    {
        var shard = Path.Combine(entry, ShardName);
        if (!File.Exists(shard) || !File.Exists(TokenCorpus.IndexPath(shard)))
            return null;
        try
        {
            return TokenCorpus.Open(shard);
        }
        catch (UserException)
        {
            return null;
        }
    }

    private static void Make(string folder, DocumentSource source, Tokenizer tokenizer, int threads, CancellationToken cancellation)
    {
        Directory.CreateDirectory(folder);
        using var writer = new ShardWriter(Path.Combine(folder, ShardName), tokenizer.VocabularySize);
        foreach (var (id, tokens, textBytes) in ParallelEncoder.Encode(source, tokenizer, threads, cancellation))
            writer.Add(id, CollectionsMarshal.AsSpan(tokens), textBytes);
        writer.Finish();
    }

    private static TokenCorpus Publish(string made, string entry)
    {
        if (!TryMove(made, entry))
        {
            // Another process was first, or what is there is damaged.
            if (TryOpen(entry) is { } other)
                return other;
            var damaged = $"{made}.old";
            TryMove(entry, damaged);
            TryMove(made, entry);
            if (Directory.Exists(damaged))
                Directory.Delete(damaged, recursive: true);
        }

        return TokenCorpus.Open(Path.Combine(entry, ShardName));
    }

    private static bool TryMove(string from, string to)
    {
        try
        {
            Directory.Move(from, to);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static void RemoveAbandoned(string folder)
    {
        foreach (var left in Directory.EnumerateDirectories(folder, "*.tmp*"))
        {
            // Under the new name it is this process's own to delete.
            var mine = $"{left}.{Guid.NewGuid():N}";
            if (DateTime.UtcNow - Directory.GetLastWriteTimeUtc(left) > AbandonedAfter && TryMove(left, mine))
                Directory.Delete(mine, recursive: true);
        }
    }
}
