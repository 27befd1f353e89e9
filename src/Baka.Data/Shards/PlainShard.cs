using Baka.Data.Tokenizers;

namespace Baka.Data.Shards;

/// <summary>Finds the documents of a shard that has no index: those between end-of-text tokens that are not empty.</summary>
internal static class PlainShard
{
    private const int ChunkTokens = 1 << 16;

    public static TokenCorpus FindDocuments(TokenMemory tokens, string name, int? endOfText, Tokenizer? tokenizer)
    {
        var index = new DocumentIndexBuilder();
        var documents = 0;
        var length = 0L;
        var textBytes = 0L;
        var chunk = new int[ChunkTokens];
        for (var at = 0L; at < tokens.Count; at += ChunkTokens)
        {
            var part = chunk.AsSpan(0, (int)Math.Min(ChunkTokens, tokens.Count - at));
            tokens.CopyTo(at, part);
            foreach (var token in part)
            {
                if (token == endOfText)
                {
                    Close();
                    index.Skip(1);
                    continue;
                }

                length++;
                textBytes += tokenizer?.TokenByteCount(token) ?? 0;
            }
        }

        Close();
        return new TokenCorpus(tokens, index.Build());

        void Close()
        {
            if (length > 0)
                index.Add($"{name}: {documents++}", length, textBytes);
            length = textBytes = 0;
        }
    }
}
