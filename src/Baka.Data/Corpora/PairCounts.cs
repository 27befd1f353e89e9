namespace Baka.Data.Corpora;

/// <summary>Counts of pairs of tokens: open addressing, 12 bytes a slot, at most two thirds full.</summary>
internal sealed class PairCounts
{
    // Pair + 1, so that 0 is free.
    private ulong[] _keys = new ulong[1 << 16];
    private int[] _counts = new int[1 << 16];

    /// <summary>Number of different pairs.</summary>
    public int Count { get; private set; }

    public void Increment(int left, int right)
    {
        var key = Key(left, right);
        var slot = FindSlot(key);
        if (_keys[slot] == 0)
        {
            if (Count >= _keys.Length / 3 * 2)
            {
                Grow();
                slot = FindSlot(key);
            }

            _keys[slot] = key;
            Count++;
        }

        _counts[slot]++;
    }

    public int Find(int left, int right) => _counts[FindSlot(Key(left, right))];

    public IEnumerable<(int Left, int Right, int Count)> All()
    {
        for (var slot = 0; slot < _keys.Length; slot++)
        {
            if (_keys[slot] != 0)
                yield return ((int)(_keys[slot] - 1 >> 32), (int)(uint)(_keys[slot] - 1), _counts[slot]);
        }
    }

    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32 | (uint)right) + 1;

    private int FindSlot(ulong key)
    {
        var mask = _keys.Length - 1;
        var slot = (int)((key ^ key >> 29) * 0x9E3779B97F4A7C15 >> 32) & mask;
        while (_keys[slot] != 0 && _keys[slot] != key)
            slot = (slot + 1) & mask;
        return slot;
    }

    private void Grow()
    {
        var (keys, counts) = (_keys, _counts);
        _keys = new ulong[keys.Length * 2];
        _counts = new int[keys.Length * 2];
        for (var i = 0; i < keys.Length; i++)
        {
            if (keys[i] == 0)
                continue;
            var slot = FindSlot(keys[i]);
            _keys[slot] = keys[i];
            _counts[slot] = counts[i];
        }
    }
}
