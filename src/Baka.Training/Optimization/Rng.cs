using System.Numerics;
using System.Text;
using Baka.Data.Streams;

namespace Baka.Training.Optimization;

/// <summary>The whole state of an <see cref="Rng"/>; never all zero.</summary>
public readonly record struct RngState(ulong S0, ulong S1, ulong S2, ulong S3);

/// <summary>
/// The random numbers of a run: xoshiro256** (Blackman and Vigna, 2018, "Scrambled linear pseudorandom number
/// generators"), seeded through SplitMix64. The same seed gives the same integers on every machine.
/// </summary>
public sealed class Rng
{
    private const double TwoToMinus53 = 1.0 / (1UL << 53);

    private ulong _s0, _s1, _s2, _s3;

    public Rng(ulong seed)
    {
        var seeds = new SplitMix64(seed);
        (_s0, _s1, _s2, _s3) = (seeds.Next(), seeds.Next(), seeds.Next(), seeds.Next());
    }

    public Rng(RngState state) => State = state;

    /// <summary>What the next numbers depend on; setting it continues the sequence from there.</summary>
    /// <exception cref="ArgumentException">The state is all zero, from which the generator never leaves.</exception>
    public RngState State
    {
        get => new(_s0, _s1, _s2, _s3);
        set
        {
            if (value == default)
            {
                throw new ArgumentException("The state of a random number generator must not be all zero.", nameof(value));
            }

            (_s0, _s1, _s2, _s3) = (value.S0, value.S1, value.S2, value.S3);
        }
    }

    /// <summary>
    /// A generator of its own for each name under one seed, so that what a parameter is initialized with doesn't
    /// depend on which others were created before it.
    /// </summary>
    public static Rng ForName(ulong seed, string name)
    {
        // FNV-1a over the name; SplitMix64 over the seed first, so that seeds 1 and 2 share no stream.
        var hash = 14695981039346656037UL;
        foreach (var b in Encoding.UTF8.GetBytes(name))
        {
            hash = (hash ^ b) * 1099511628211UL;
        }

        return new Rng(new SplitMix64(seed).Next() ^ hash);
    }

    /// <summary>64 random bits.</summary>
    public ulong NextUInt64()
    {
        var result = BitOperations.RotateLeft(_s1 * 5, 7) * 9;
        var t = _s1 << 17;
        _s2 ^= _s0;
        _s3 ^= _s1;
        _s1 ^= _s2;
        _s0 ^= _s3;
        _s2 ^= t;
        _s3 = BitOperations.RotateLeft(_s3, 45);
        return result;
    }

    /// <summary>Uniform in [0, 1), a multiple of 2⁻⁵³.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * TwoToMinus53;

    /// <summary>Uniform in 0 … bound − 1, without bias (Lemire, arXiv 1805.10941).</summary>
    public int NextInt32(int bound)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(bound, 1);
        var range = (ulong)bound;
        var high = Math.BigMul(NextUInt64(), range, out var low);
        if (low < range)
        {
            var threshold = (0UL - range) % range;
            while (low < threshold)
            {
                high = Math.BigMul(NextUInt64(), range, out low);
            }
        }

        return (int)high;
    }
}
