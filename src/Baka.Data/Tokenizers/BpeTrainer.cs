using System.Text;
using Baka.Data.Documents;

namespace Baka.Data.Tokenizers;

/// <summary>
/// Learns a byte-level BPE vocabulary (arXiv 1508.07909): the pair of neighboring tokens that is most frequent inside
/// the pieces of a corpus becomes a token, again and again.
/// <para>
/// Tokens are numbered: 0 <c>&lt;|endoftext|&gt;</c>; 1 … 256 the bytes in GPT-2's order; then merges in the order they
/// were learned. Ties go to the pair of lower numbers, left one first, so that the result depends on the text alone and
/// not on threads. Pairs that occur only once are not merged: a small text gives fewer tokens than were asked for.
/// </para>
/// </summary>
public static class BpeTrainer
{
    /// <summary>The end-of-text token and the 256 bytes.</summary>
    public const int SmallestVocabulary = 257;

    private const int ProgressInterval = 64;

    /// <summary>Learns from documents.</summary>
    /// <param name="documents">Read once, in order.</param>
    /// <param name="vocabularySize">Tokens wanted, the end-of-text token and the bytes included.</param>
    /// <param name="threads">Threads that count; reading and merging take one.</param>
    /// <param name="progress">Told the stage and how far it is.</param>
    /// <param name="cancellation">Ends the work with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="UserException">The vocabulary is too small to hold the bytes; or reading a document fails.</exception>
    public static Tokenizer Train(
        IEnumerable<Document> documents,
        int vocabularySize,
        int threads,
        IProgress<DataProgress>? progress = null,
        CancellationToken cancellation = default)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        if (vocabularySize < SmallestVocabulary)
            throw new UserException($"a vocabulary of {vocabularySize} tokens can't hold the 256 bytes and {Tokenizer.EndOfText}; ask for {SmallestVocabulary} or more.");

        progress?.Report(new DataProgress("counting pieces", null));
        var pieces = PieceCounter.CountAll(documents, new Gpt2PreTokenizer(), Tokenizer.EndOfText, threads, cancellation);
        return Learn(pieces, vocabularySize, progress, cancellation);
    }

    private static Tokenizer Learn(PieceCounter pieces, int vocabularySize, IProgress<DataProgress>? progress, CancellationToken cancellation)
    {
        var tokens = new List<string>(vocabularySize) { Tokenizer.EndOfText };
        var byteTokens = new int[256];
        foreach (var value in ByteAlphabet.Order)
        {
            byteTokens[value] = tokens.Count;
            tokens.Add(ByteAlphabet.Write([value]));
        }

        var ids = tokens.Index().ToDictionary(entry => entry.Item, entry => entry.Index);
        var merges = new List<(int Left, int Right)>();
        var learned = new HashSet<(int Left, int Right)>();
        var words = ToWords(pieces, byteTokens);
        while (tokens.Count < vocabularySize && words.FindMostFrequent() is { } pair)
        {
            cancellation.ThrowIfCancellationRequested();
            var token = tokens[pair.Left] + tokens[pair.Right];
            // Two ways of merging can lead to the same bytes: they are one token, and pairs with it may come up again.
            if (ids.TryAdd(token, tokens.Count))
                tokens.Add(token);
            if (learned.Add(pair))
                merges.Add(pair);
            words.Merge(pair.Left, pair.Right, ids[token]);
            if (merges.Count % ProgressInterval == 0)
                progress?.Report(new DataProgress("merging pairs", (double)tokens.Count / vocabularySize));
        }

        return Tokenizer.Parse(TokenizerWriter.Write(tokens, merges), "the trained tokenizer");
    }

    private static WordPairs ToWords(PieceCounter pieces, int[] byteTokens)
    {
        var words = new WordPairs();
        var symbols = new List<int>();
        for (var i = 0; i < pieces.Count; i++)
        {
            symbols.Clear();
            foreach (var value in Encoding.UTF8.GetBytes(pieces[i].ToArray()))
                symbols.Add(byteTokens[value]);
            words.Add(symbols, pieces.CountOf(i));
        }

        return words;
    }
}
