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
}
