using Baka.Training.Optimization;

namespace Baka.Training.Tests.Optimization;

public class NormalNumbersTests
{
    private const int Many = 4_000_000;

    [Fact]
    public void The_numbers_are_those_of_the_definition()
    {
        const ulong Key = 0x0123456789abcdef;
        var values = Draw(Key, 0, 20_000, 2);
        for (var i = 0; i < values.Length; i++)
        {
            var expected = 2 * Definition(Key, i);
            Assert.Equal(expected, values[i], 2e-6 * Math.Max(1, Math.Abs(expected)));
        }
    }

    [Fact]
    public void The_numbers_have_the_same_bits_on_every_machine()
    {
        // Of vectors of 128 and 256 bits, and of none.
        var hash = 0u;
        foreach (var value in Draw(7, 0, 1_000_000))
        {
            hash = hash * 31 + BitConverter.SingleToUInt32Bits(value);
        }

        Assert.Equal(1756505269u, hash);
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0, 31)]
    [InlineData(5, 3)]
    [InlineData(31, 2)]
    [InlineData(17, 100)]
    [InlineData(32, 64)]
    [InlineData(1, 999)]
    public void A_part_has_the_numbers_that_it_has_in_the_whole(int start, int length) =>
        Assert.Equal(Draw(3, 0, 1000)[start..(start + length)], Draw(3, start, length));

    [Fact]
    public void Places_beyond_four_billion_have_numbers_of_their_own() =>
        Assert.NotEqual(Draw(3, 0, 64), Draw(3, 1L << 36, 64));

    [Fact]
    public void The_moments_are_those_of_a_normal_distribution()
    {
        var values = Draw(5, 0, Many, 2);

        // Each tolerance is five standard errors of its moment.
        var error = 5 / Math.Sqrt(Many);
        Assert.Equal(0, values.Average(v => v / 2.0), error);
        Assert.Equal(1, values.Average(v => Math.Pow(v / 2.0, 2)), error * Math.Sqrt(2));
        Assert.Equal(0, values.Average(v => Math.Pow(v / 2.0, 3)), error * Math.Sqrt(15));
        Assert.Equal(3, values.Average(v => Math.Pow(v / 2.0, 4)), error * Math.Sqrt(96));
        Assert.Equal(15, values.Average(v => Math.Pow(v / 2.0, 6)), error * Math.Sqrt(10395 - 225));
    }

    [Theory]
    [InlineData(0.01, 0.00797871)]
    [InlineData(0.5, 0.38292492)]
    [InlineData(1, 0.68268949)]
    [InlineData(2, 0.95449974)]
    [InlineData(3, 0.99730020)]
    [InlineData(4, 0.99993666)]
    public void As_many_lie_within_a_distance_as_of_a_normal_distribution(double distance, double share)
    {
        foreach (var side in (ReadOnlySpan<int>)[-1, 1])
        {
            var within = Draw(11, 0, Many).Count(v => v * side >= 0 && v * side < distance);
            Assert.Equal(Many * share / 2, within, 5 * Math.Sqrt(Many * share / 2 * (1 - share / 2)));
        }
    }

    [Fact]
    public void The_tails_reach_as_far_as_they_should()
    {
        // Of 64 million, 0.13 are expected beyond six standard deviations, and 36.7 beyond five.
        var beyond = 0;
        for (var part = 0; part < 16; part++)
        {
            var values = Draw(13, (long)part * Many, Many);
            beyond += values.Count(v => Math.Abs(v) > 5);
            Assert.All(values.Where(v => Math.Abs(v) > 5), v => Assert.True(Math.Abs(v) < 6.7));
        }

        Assert.Equal(36.7, beyond, 5 * Math.Sqrt(36.7));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(32)]
    [InlineData(768)]
    public void Numbers_at_a_distance_are_independent(int distance)
    {
        var values = Draw(9, 0, Many);
        AssertIndependent(values.AsSpan(distance), values.AsSpan(0, Many - distance));
    }

    [Fact]
    public void Sequences_of_neighboring_keys_are_independent() => AssertIndependent(Draw(1, 0, Many), Draw(2, 0, Many));

    private static float[] Draw(ulong key, long start, int count, float standardDeviation = 1)
    {
        var values = new float[count];
        NormalNumbers.Draw(key, start, standardDeviation, values);
        return values;
    }

    /// <summary>Neither values nor their squares are correlated, beyond five standard errors.</summary>
    private static void AssertIndependent(ReadOnlySpan<float> a, ReadOnlySpan<float> b)
    {
        var (values, squares) = (0.0, 0.0);
        for (var i = 0; i < a.Length; i++)
        {
            values += (double)a[i] * b[i];
            squares += ((double)a[i] * a[i] - 1) * ((double)b[i] * b[i] - 1);
        }

        Assert.Equal(0, values / a.Length, 5 / Math.Sqrt(a.Length));
        Assert.Equal(0, squares / a.Length, 5 * 2 / Math.Sqrt(a.Length));
    }

    /// <summary>Box and Muller's two numbers of a pair, in double precision, one at a time.</summary>
    private static double Definition(ulong key, int place)
    {
        var (block, pair) = (place / 32, place % 16);
        var (radiusBits, angleBits) = (Half(key, 16 * block + pair / 2, pair % 2), Half(key, 16 * block + 8 + pair / 2, pair % 2));
        var radius = Math.Sqrt(-2 * Math.Log(((float)(radiusBits >> 1) + 0.5f) / (1L << 31)));
        var (sin, cos) = Math.SinCos((int)(angleBits << 2) * (Math.PI / 4) / (1L << 31));
        cos = (angleBits & 0x80000000) != 0 ? -cos : cos;
        return radius * ((angleBits & 0x40000000) != 0 == place % 32 < 16 ? sin : cos);
    }

    /// <summary>The lower or upper half of an output of SplitMix64, the first being number 0.</summary>
    private static uint Half(ulong key, int word, int half)
    {
        var z = key + (ulong)(word + 1) * 0x9E3779B97F4A7C15;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return (uint)((z ^ (z >> 31)) >> (32 * half));
    }
}
