using Baka.Training.Optimization;

namespace Baka.Training.Tests.Optimization;

public class RngTests
{
    [Fact]
    public void The_generator_is_xoshiro256_starstar()
    {
        // The first outputs from the state 1, 2, 3, 4, worked out from the published definition.
        var rng = new Rng(new RngState(1, 2, 3, 4));
        Assert.Equal(11520UL, rng.NextUInt64());
        Assert.Equal(0UL, rng.NextUInt64());
        Assert.Equal(1509978240UL, rng.NextUInt64());
        Assert.Equal(1215971899390074240UL, rng.NextUInt64());
    }

    [Fact]
    public void A_restored_state_continues_the_sequence()
    {
        var rng = new Rng(7);
        rng.NextUInt64();
        var copy = new Rng(rng.State);
        for (var i = 0; i < 100; i++)
        {
            Assert.Equal(rng.NextUInt64(), copy.NextUInt64());
        }
    }

    [Fact]
    public void A_state_of_zeros_is_refused() => Assert.Throws<ArgumentException>(() => new Rng(default(RngState)));

    [Fact]
    public void Every_name_and_every_seed_has_a_stream_of_its_own()
    {
        var firsts = new HashSet<ulong>();
        for (var seed = 0UL; seed < 100; seed++)
        {
            for (var layer = 0; layer < 100; layer++)
            {
                Assert.True(firsts.Add(Rng.ForName(seed, $"layers.{layer}.attn.q.weight").NextUInt64()));
            }
        }
    }

    [Fact]
    public void A_name_gives_the_same_stream_whatever_was_asked_before()
    {
        var expected = Rng.ForName(3, "embed.weight").State;
        Rng.ForName(3, "norm_out.weight").NextUInt64();
        Assert.Equal(expected, Rng.ForName(3, "embed.weight").State);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    [InlineData(100)]
    public void Bounded_integers_are_uniform(int bound)
    {
        var rng = new Rng(11);
        var counts = new int[bound];
        const int Draws = 200_000;
        for (var i = 0; i < Draws; i++)
        {
            counts[rng.NextInt32(bound)]++;
        }

        var expected = (double)Draws / bound;
        var chiSquare = counts.Sum(count => (count - expected) * (count - expected) / expected);
        // Mean bound − 1, standard deviation √(2(bound − 1)); five of them are beyond chance.
        Assert.True(chiSquare <= bound - 1 + 5 * Math.Sqrt(2 * (bound - 1)), $"chi-square {chiSquare}");
    }

    [Fact]
    public void Uniform_values_have_their_range_and_moments()
    {
        var values = new float[100_001];
        new Rng(5).FillUniform(values, 0.5f);
        Assert.All(values, v => Assert.InRange(v, -0.5f, 0.5f));
        Assert.Equal(0, values.Average(v => (double)v), 0.005);
        Assert.Equal(0.25 / 3, values.Average(v => (double)v * v), 0.001);
    }

    [Fact]
    public void Gaussian_values_have_the_moments_of_a_normal_distribution()
    {
        var values = new float[200_001];
        new Rng(5).FillGaussian(values, 2);
        // Each tolerance is five standard errors of its moment.
        var n = Math.Sqrt(values.Length);
        Assert.Equal(0, values.Average(v => v / 2.0), 5 / n);
        Assert.Equal(1, values.Average(v => Math.Pow(v / 2.0, 2)), 5 * Math.Sqrt(2) / n);
        Assert.Equal(0, values.Average(v => Math.Pow(v / 2.0, 3)), 5 * Math.Sqrt(15) / n);
        Assert.Equal(3, values.Average(v => Math.Pow(v / 2.0, 4)), 5 * Math.Sqrt(96) / n);
    }

    [Fact]
    public void Gaussian_neighbors_are_not_correlated()
    {
        var values = new float[100_000];
        new Rng(9).FillGaussian(values, 1);
        var products = Enumerable.Range(0, values.Length - 1).Average(i => (double)values[i] * values[i + 1]);
        Assert.Equal(0, products, 5 / Math.Sqrt(values.Length));
    }
}
