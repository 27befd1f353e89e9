using System.Numerics;
using System.Runtime.InteropServices;

namespace Baka.Data.Tokenizers;

/// <summary>
/// A set of short texts, each with the number it got when it was first added: 0, 1, 2 …
/// Open addressing over one block of characters: looking up allocates nothing.
/// </summary>
internal sealed class PieceTable
{
    private const int FirstSlots = 1 << 12;

    // Number + 1 in the lower half, hash in the upper; 0 is free.
    private ulong[] _slots = new ulong[FirstSlots];
    private int[] _ends = new int[FirstSlots];
    private char[] _text = new char[FirstSlots * 8];

    public int Count { get; private set; }

    /// <summary>Characters held.</summary>
    public int TextLength => Count == 0 ? 0 : _ends[Count - 1];

    public ReadOnlySpan<char> this[int number]
    {
        get
        {
            var start = number == 0 ? 0 : _ends[number - 1];
            return _text.AsSpan(start, _ends[number] - start);
        }
    }

    /// <summary>The number of a text, which is added if it is new: then it is the former <see cref="Count"/>.</summary>
    public int FindOrAdd(ReadOnlySpan<char> piece)
    {
        var hash = Hash(piece);
        var mask = _slots.Length - 1;
        for (var slot = (int)hash & mask; ; slot = (slot + 1) & mask)
        {
            var entry = _slots[slot];
            if (entry == 0)
                return Add(piece, hash, slot);
            if ((uint)(entry >> 32) == hash && this[(int)(uint)entry - 1].SequenceEqual(piece))
                return (int)(uint)entry - 1;
        }
    }

    /// <summary>Forgets all texts but keeps the memory.</summary>
    public void Clear()
    {
        Array.Clear(_slots);
        Count = 0;
    }

    private static uint Hash(ReadOnlySpan<char> piece)
    {
        const ulong Multiplier = 0x9E3779B97F4A7C15;
        var hash = (ulong)piece.Length * Multiplier;
        var words = MemoryMarshal.Cast<char, ulong>(piece);
        foreach (var word in words)
            hash = (BitOperations.RotateLeft(hash, 23) ^ word) * Multiplier;
        foreach (var c in piece[(words.Length * 4)..])
            hash = (BitOperations.RotateLeft(hash, 23) ^ c) * Multiplier;
        return (uint)(hash >> 32) ^ (uint)(hash >> 11);
    }

    private int Add(ReadOnlySpan<char> piece, uint hash, int slot)
    {
        var start = TextLength;
        if (start + piece.Length > _text.Length)
            Array.Resize(ref _text, Math.Max(start + piece.Length, _text.Length * 2));
        if (Count == _ends.Length)
            Array.Resize(ref _ends, Count * 2);
        piece.CopyTo(_text.AsSpan(start));
        _ends[Count] = start + piece.Length;
        _slots[slot] = (ulong)hash << 32 | (uint)(Count + 1);
        Count++;
        if (Count > _slots.Length / 2)
            Grow();
        return Count - 1;
    }

    private void Grow()
    {
        var old = _slots;
        _slots = new ulong[old.Length * 2];
        var mask = _slots.Length - 1;
        foreach (var entry in old)
        {
            if (entry == 0)
                continue;
            var slot = (int)(uint)(entry >> 32) & mask;
            while (_slots[slot] != 0)
                slot = (slot + 1) & mask;
            _slots[slot] = entry;
        }
    }
}
