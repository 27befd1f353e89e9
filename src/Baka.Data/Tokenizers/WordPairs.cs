using System.Runtime.InteropServices;

namespace Baka.Data.Tokenizers;

/// <summary>
/// The different pieces of a corpus as token sequences, with the count of every pair of neighbors kept up to date while
/// pairs are merged. A merge touches only the pieces that hold the pair.
/// </summary>
internal sealed class WordPairs
{
    private const long SmallestCount = 2;

    private readonly List<int> _symbols = [];
    private readonly List<(int Start, int Length, long Count)> _words = [];
    private readonly Dictionary<(int Left, int Right), Pair> _pairs = [];
    private readonly PriorityQueue<(int Left, int Right), (long Count, int Left, int Right)> _queue = new(MostFrequentFirst.Instance);
    private readonly List<(int Left, int Right)> _fresh = [];

    /// <summary>Adds a piece that occurs so many times.</summary>
    public void Add(List<int> symbols, long count)
    {
        var word = _words.Count;
        _words.Add((_symbols.Count, symbols.Count, count));
        _symbols.AddRange(symbols);
        for (var i = 0; i + 1 < symbols.Count; i++)
            Change((symbols[i], symbols[i + 1]), count, word);
    }

    /// <summary>The most frequent pair; of equals, that of the lowest numbers. Null when none occurs twice.</summary>
    public (int Left, int Right)? FindMostFrequent()
    {
        EnqueueFresh();
        while (_queue.TryDequeue(out var pair, out var priority))
        {
            // Counts of pairs in the queue only fall, and are put right when they come up.
            var count = _pairs[pair].Count;
            if (count == priority.Count)
                return pair;
            Enqueue(pair, count);
        }

        return null;
    }

    /// <summary>Replaces a pair by one token wherever it occurs, from left to right.</summary>
    public void Merge(int left, int right, int merged)
    {
        var words = _pairs[(left, right)].Words;
        foreach (var word in CollectionsMarshal.AsSpan(words))
            MergeWord(word, left, right, merged);
        _pairs.Remove((left, right));
    }

    private void MergeWord(int word, int left, int right, int merged)
    {
        ref var entry = ref CollectionsMarshal.AsSpan(_words)[word];
        var symbols = CollectionsMarshal.AsSpan(_symbols).Slice(entry.Start, entry.Length);
        var written = 0;
        for (var i = 0; i < symbols.Length; i++)
        {
            if (i + 1 == symbols.Length || symbols[i] != left || symbols[i + 1] != right)
            {
                symbols[written++] = symbols[i];
                continue;
            }

            if (written > 0)
            {
                Change((symbols[written - 1], left), -entry.Count, word);
                Change((symbols[written - 1], merged), entry.Count, word);
            }

            if (i + 2 < symbols.Length)
            {
                Change((right, symbols[i + 2]), -entry.Count, word);
                Change((merged, symbols[i + 2]), entry.Count, word);
            }

            symbols[written++] = merged;
            i++;
        }

        entry.Length = written;
    }

    private void Change((int Left, int Right) key, long by, int word)
    {
        ref var pair = ref CollectionsMarshal.GetValueRefOrAddDefault(_pairs, key, out var known);
        if (!known)
        {
            pair.Words = [];
            _fresh.Add(key);
        }

        pair.Count += by;
        // A word is listed once however often it holds the pair, and may stay listed when it no longer does.
        if (by > 0 && (pair.Words.Count == 0 || pair.Words[^1] != word))
            pair.Words.Add(word);
    }

    private void EnqueueFresh()
    {
        foreach (var pair in _fresh)
        {
            if (_pairs.TryGetValue(pair, out var entry))
                Enqueue(pair, entry.Count);
        }

        _fresh.Clear();
    }

    private void Enqueue((int Left, int Right) pair, long count)
    {
        if (count >= SmallestCount)
            _queue.Enqueue(pair, (count, pair.Left, pair.Right));
    }

    private struct Pair
    {
        public long Count;
        public List<int> Words;
    }

    private sealed class MostFrequentFirst : IComparer<(long Count, int Left, int Right)>
    {
        public static readonly MostFrequentFirst Instance = new();

        public int Compare((long Count, int Left, int Right) x, (long Count, int Left, int Right) y) =>
            x.Count != y.Count ? y.Count.CompareTo(x.Count)
            : x.Left != y.Left ? x.Left.CompareTo(y.Left)
            : x.Right.CompareTo(y.Right);
    }
}
