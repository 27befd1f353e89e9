namespace Baka.Data.Tokenizers;

/// <summary>What may be merged: a pair of tokens → how early, and into which token. Immutable once filled.</summary>
internal sealed class MergeTable
{
    private const ulong Free = ulong.MaxValue;

    private readonly ulong[] _pairs;
    private readonly int[] _ranks;
    private readonly int[] _merged;

    /// <param name="merges">Pairs in their order of precedence, each with the token it makes.</param>
    public MergeTable(IReadOnlyList<(int Left, int Right, int Merged)> merges)
    {
        var slots = 16;
        while (slots < merges.Count * 3)
            slots *= 2;
        _pairs = new ulong[slots];
        _ranks = new int[slots];
        _merged = new int[merges.Count];
        Array.Fill(_pairs, Free);
        for (var rank = 0; rank < merges.Count; rank++)
        {
            var pair = Pack(merges[rank].Left, merges[rank].Right);
            var slot = FindSlot(pair);
            _pairs[slot] = pair;
            _ranks[slot] = rank;
            _merged[rank] = merges[rank].Merged;
        }
    }

    public int Count => _merged.Length;

    /// <summary>The rank of a pair, 0 first; −1 if it is never merged.</summary>
    public int FindRank(int left, int right)
    {
        var slot = FindSlot(Pack(left, right));
        return _pairs[slot] == Free ? -1 : _ranks[slot];
    }

    /// <summary>The token that the merge of a rank makes.</summary>
    public int Merged(int rank) => _merged[rank];

    private static ulong Pack(int left, int right) => (ulong)(uint)left << 32 | (uint)right;

    private int FindSlot(ulong pair)
    {
        var mask = _pairs.Length - 1;
        var slot = (int)((pair ^ pair >> 29) * 0x9E3779B97F4A7C15 >> 32) & mask;
        while (_pairs[slot] != pair && _pairs[slot] != Free)
            slot = (slot + 1) & mask;
        return slot;
    }
}
