using System.Numerics;

namespace Baka.Training.Optimization;

/// <summary>
/// Sequences of normal numbers of mean 0, any part of which can be drawn by itself. A number depends on its sequence's key
/// and its place alone: not on how the sequence is cut, and not on the machine, since the arithmetic is the same in
/// vectors of every width. Random bits are SplitMix64's (Steele, Lea and Flood 2014), whose state is a plain count; each
/// pair of them becomes two numbers (Box and Muller 1958).
/// </summary>
internal static class NormalNumbers
{
    // Numbers come in blocks: the first half are the cosines' and the second half the sines' of the same pairs.
    private const int Pairs = 16;
    private const int Block = 2 * Pairs;

    private const ulong Step = 0x9E3779B97F4A7C15;

    // Each 64 bits serve two pairs: a block takes this many for its radii, and as many for its angles.
    private const int WordsOfBlock = Pairs / 2;

    private const float Ln2 = 0.693147181f;
    private const float HalfPi = 1.57079633f;
    private const int SqrtHalfBits = 0x3f3504f3;

    /// <summary>Draws the numbers from one place on.</summary>
    /// <param name="key">Of the sequence; unrelated keys give unrelated sequences.</param>
    /// <param name="start">Place of the first number wanted.</param>
    public static void Draw(ulong key, long start, float standardDeviation, Span<float> values)
    {
        Span<float> edge = stackalloc float[Block];
        while (values.Length > 0)
        {
            var (block, skipped) = Math.DivRem(start, Block);
            if (skipped == 0 && values.Length >= Block)
            {
                DrawBlock(key, block, standardDeviation, values[..Block]);
                start += Block;
                values = values[Block..];
                continue;
            }

            // The sequence begins or ends inside a block.
            DrawBlock(key, block, standardDeviation, edge);
            var wanted = edge[(int)skipped..];
            wanted = wanted[..Math.Min(wanted.Length, values.Length)];
            wanted.CopyTo(values);
            start += wanted.Length;
            values = values[wanted.Length..];
        }
    }

    private static void DrawBlock(ulong key, long block, float standardDeviation, Span<float> values)
    {
        var first = (ulong)block * (2 * WordsOfBlock) + 1;
        for (var pair = 0; pair < Pairs; pair += Vector<float>.Count)
        {
            var word = first + (ulong)pair / 2;
            var radius = Radius(Bits(key, word)) * standardDeviation;
            var (x, y) = Direction(Bits(key, word + WordsOfBlock));
            (radius * x).CopyTo(values[pair..]);
            (radius * y).CopyTo(values[(Pairs + pair)..]);
        }
    }

    /// <summary>SplitMix64's outputs from one on, cut in halves.</summary>
    private static Vector<uint> Bits(ulong key, ulong word)
    {
        var z = new Vector<ulong>(key + Step * word) + Vector<ulong>.Indices * Step;
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EB;
        return Vector.AsVectorUInt32(z ^ (z >>> 31));
    }

    /// <summary>√(−2 ln u), where u is uniform in (0, 1] with 31 bits: up to 6.66.</summary>
    private static Vector<float> Radius(Vector<uint> bits)
    {
        var u = (Vector.ConvertToSingle(Vector.AsVectorInt32(bits >>> 1)) + new Vector<float>(0.5f)) * (1f / (1L << 31));

        // u = m·2^e with m in [√½, √2), and ln m = 2 artanh s.
        var exponent = Vector.AsVectorInt32(u) - new Vector<int>(SqrtHalfBits);
        var m = Vector.AsVectorSingle((exponent & new Vector<int>(0x007fffff)) + new Vector<int>(SqrtHalfBits));
        var s = (m - Vector<float>.One) / (m + Vector<float>.One);
        var square = s * s;
        var series = ((square * (2f / 9) + new Vector<float>(2f / 7)) * square + new Vector<float>(2f / 5)) * square + new Vector<float>(2f / 3);
        var logarithm = Vector.ConvertToSingle(exponent >> 23) * Ln2 + (series * square + new Vector<float>(2)) * s;
        return Vector.SquareRoot(logarithm * -2f);
    }

    /// <summary>A point of the unit circle: an angle of at most π/4 by 30 bits, turned and mirrored into all four directions by two.</summary>
    private static (Vector<float> X, Vector<float> Y) Direction(Vector<uint> bits)
    {
        var angle = Vector.ConvertToSingle(Vector.AsVectorInt32(bits << 2) >> 2) * (HalfPi / (1 << 30));
        var square = angle * angle;
        var sin = ((((square * (1f / 362880) - new Vector<float>(1f / 5040)) * square + new Vector<float>(1f / 120)) * square - new Vector<float>(1f / 6)) * square + Vector<float>.One) * angle;
        var cos = (((square * (1f / 40320) - new Vector<float>(1f / 720)) * square + new Vector<float>(1f / 24)) * square - new Vector<float>(0.5f)) * square + Vector<float>.One;
        cos = Vector.AsVectorSingle(Vector.AsVectorUInt32(cos) ^ (bits & new Vector<uint>(0x80000000)));
        var turned = Vector.AsVectorInt32(bits << 1) >> 31;
        return (Vector.ConditionalSelect(turned, sin, cos), Vector.ConditionalSelect(turned, cos, sin));
    }
}
