namespace Baka.Data.Streams;

/// <summary>
/// SplitMix64 (Steele, Lea and Flood 2014): a small generator of good quality whose whole state is one number, the same
/// on every machine and in every version of .NET, which System.Random does not promise.
/// </summary>
/// <param name="seed">Any number; equal seeds give equal sequences.</param>
public struct SplitMix64(ulong seed)
{
    /// <summary>The whole state: a generator made from it goes on where this one stands.</summary>
    public ulong State { get; private set; } = seed;

    /// <summary>64 random bits.</summary>
    public ulong Next()
    {
        State += 0x9E3779B97F4A7C15;
        var z = State;
        z = (z ^ z >> 30) * 0xBF58476D1CE4E5B9;
        z = (z ^ z >> 27) * 0x94D049BB133111EB;
        return z ^ z >> 31;
    }

    /// <summary>A number of 0 … bound − 1, all equally likely (Lemire 2019, arXiv 1805.10941).</summary>
    /// <param name="bound">At least 1.</param>
    public int Next(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bound, 1);
        while (true)
        {
            var high = Math.BigMul(Next(), (ulong)bound, out var low);
            if (low >= (ulong)-(long)bound % (ulong)bound)
                return (int)high;
        }
    }

    /// <summary>Puts items into random order (Fisher and Yates), every order equally likely.</summary>
    public void Shuffle(Span<int> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = Next(i + 1);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }
}
