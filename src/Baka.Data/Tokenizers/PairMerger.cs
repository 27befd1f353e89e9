namespace Baka.Data.Tokenizers;

/// <summary>
/// Merges the tokens of one piece: always the pair of lowest rank, the leftmost of equals, until none is left.
/// With a heap over a linked list the time is n log n, also for a piece of a million bytes.
/// Keeps its working memory; not for use by several threads at once.
/// </summary>
internal sealed class PairMerger(MergeTable merges)
{
    private const int Gone = -1;

    private readonly PriorityQueue<int, ulong> _queue = new();
    private int[] _next = new int[64];
    private int[] _previous = new int[64];

    // Rank of the pair that begins at a place; Gone where there is none.
    private int[] _ranks = new int[64];

    /// <summary>Merges in place.</summary>
    /// <returns>How many tokens, at the beginning of the span, are left.</returns>
    public int Merge(Span<int> tokens)
    {
        if (tokens.Length < 2)
            return tokens.Length;
        Reserve(tokens.Length);
        for (var i = 0; i < tokens.Length; i++)
        {
            _previous[i] = i - 1;
            _next[i] = i + 1;
        }

        for (var i = 0; i < tokens.Length; i++)
            Enqueue(tokens, i);
        while (_queue.TryDequeue(out var place, out var priority))
        {
            if (_ranks[place] == (int)(priority >> 32))
                Join(tokens, place);
        }

        return Compact(tokens);
    }

    private void Join(Span<int> tokens, int place)
    {
        var right = _next[place];
        tokens[place] = merges.Merged(_ranks[place]);
        _next[place] = _next[right];
        _ranks[right] = Gone;
        if (_next[place] < tokens.Length)
            _previous[_next[place]] = place;
        Enqueue(tokens, place);
        if (_previous[place] >= 0)
            Enqueue(tokens, _previous[place]);
    }

    private void Enqueue(Span<int> tokens, int place)
    {
        var right = _next[place];
        _ranks[place] = right < tokens.Length ? merges.FindRank(tokens[place], tokens[right]) : Gone;
        if (_ranks[place] >= 0)
            _queue.Enqueue(place, (ulong)_ranks[place] << 32 | (uint)place);
    }

    private int Compact(Span<int> tokens)
    {
        var count = 0;
        for (var place = 0; place < tokens.Length; place = _next[place])
            tokens[count++] = tokens[place];
        return count;
    }

    private void Reserve(int length)
    {
        if (length <= _next.Length)
            return;
        var size = Math.Max(length, _next.Length * 2);
        _next = new int[size];
        _previous = new int[size];
        _ranks = new int[size];
    }
}
