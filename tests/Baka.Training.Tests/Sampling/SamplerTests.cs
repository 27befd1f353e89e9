using Baka.Data;
using Baka.Training.Optimization;
using Baka.Training.Sampling;

namespace Baka.Training.Tests.Sampling;

public class SamplerTests
{
    private const int Draws = 40_000;

    [Fact]
    public void Temperature_zero_takes_the_largest_logit_and_of_equals_the_first()
    {
        var sampler = new Sampler(5, temperature: 0);
        Assert.Equal(1, sampler.Next([0, 3, 1, 3, float.NaN]));
        Assert.Equal(4, sampler.Next([float.NaN, float.NegativeInfinity, -2, -1, float.PositiveInfinity]));
    }

    [Theory]
    [InlineData(1.0, 0, 1.0)]
    [InlineData(0.5, 0, 1.0)]
    [InlineData(2.0, 0, 1.0)]
    [InlineData(1.0, 1, 1.0)]
    [InlineData(1.0, 4, 1.0)]
    [InlineData(1.0, 0, 0.1)]
    [InlineData(1.0, 0, 0.7)]
    [InlineData(1.3, 0, 0.95)]
    [InlineData(0.8, 6, 0.9)]
    [InlineData(1.0, 100, 0.999999)]
    public void Draws_follow_the_distribution_that_the_settings_define(double temperature, int topK, double topP)
    {
        float[] logits = [1.5f, -2, 0.25f, 3, 1.5f, -0.5f, 2, 0, -0f, float.NegativeInfinity, float.NaN, 1.5f, -7];
        var expected = Definition(logits, temperature, topK, topP);
        var sampler = new Sampler(logits.Length, temperature, topK, topP, seed: 3);
        var counts = new int[logits.Length];
        for (var i = 0; i < Draws; i++)
        {
            counts[sampler.Next(logits)]++;
        }

        var chiSquare = 0.0;
        for (var i = 0; i < logits.Length; i++)
        {
            if (expected[i] == 0)
            {
                Assert.Equal(0, counts[i]);
                continue;
            }

            var mean = expected[i] * Draws;
            chiSquare += (counts[i] - mean) * (counts[i] - mean) / mean;
        }

        var freedom = expected.Count(p => p > 0) - 1;
        Assert.True(chiSquare <= freedom + 5 * Math.Sqrt(2 * freedom), $"chi-square {chiSquare} at {freedom} degrees of freedom");
    }

    [Fact]
    public void The_tokens_that_can_be_drawn_are_those_of_the_definition_whatever_the_settings()
    {
        var rng = new Rng(17);
        for (var trial = 0; trial < 300; trial++)
        {
            var vocabulary = 1 + rng.NextInt32(60);
            var logits = new float[vocabulary];
            NormalNumbers.Draw((ulong)trial, 0, 3, logits);
            for (var i = 0; i < vocabulary; i++)
            {
                // Halves, so that there are ties.
                logits[i] = MathF.Round(logits[i]) / 2;
            }

            var temperature = 0.2 + 2 * rng.NextDouble();
            var topK = rng.NextInt32(vocabulary + 5);
            var topP = 1 - rng.NextDouble();
            var expected = Definition(logits, temperature, topK, topP);
            var sampler = new Sampler(vocabulary, temperature, topK, topP, (ulong)trial);
            for (var draw = 0; draw < 50; draw++)
            {
                Assert.True(expected[sampler.Next(logits)] > 0);
            }
        }
    }

    [Fact]
    public void The_same_seed_draws_the_same_tokens_and_another_seed_others()
    {
        var logits = new float[1000];
        NormalNumbers.Draw(1, 0, 1, logits);
        int[] Draw(ulong seed)
        {
            var sampler = new Sampler(logits.Length, 0.9, 200, 0.95, seed);
            return [.. Enumerable.Range(0, 50).Select(_ => sampler.Next(logits))];
        }

        Assert.Equal(Draw(5), Draw(5));
        Assert.NotEqual(Draw(5), Draw(6));
    }

    [Fact]
    public void A_tiny_temperature_is_as_good_as_zero() =>
        Assert.Equal(2, new Sampler(4, 1e-300).Next([1, 2, 2.0001f, -4]));

    [Fact]
    public void Of_infinite_logits_all_are_as_likely_and_nothing_else_is()
    {
        var sampler = new Sampler(4);
        var drawn = Enumerable.Range(0, 200).Select(_ => sampler.Next([float.PositiveInfinity, 9, float.PositiveInfinity, 0])).ToHashSet();
        Assert.Equal([0, 2], drawn.Order());
    }

    [Theory]
    [InlineData(0.0, 0, 1.0)]
    [InlineData(1.0, 0, 1.0)]
    [InlineData(1.0, 50, 0.9)]
    public void Drawing_allocates_nothing(double temperature, int topK, double topP)
    {
        var logits = new float[2000];
        NormalNumbers.Draw(1, 0, 2, logits);
        var sampler = new Sampler(logits.Length, temperature, topK, topP);
        sampler.Next(logits);
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var i = 0; i < 20; i++)
        {
            sampler.Next(logits);
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Theory]
    [InlineData(-0.1, 0, 1.0)]
    [InlineData(double.NaN, 0, 1.0)]
    [InlineData(double.PositiveInfinity, 0, 1.0)]
    [InlineData(1.0, -1, 1.0)]
    [InlineData(1.0, 0, 0.0)]
    [InlineData(1.0, 0, 1.1)]
    [InlineData(1.0, 0, double.NaN)]
    public void Values_out_of_range_are_refused(double temperature, int topK, double topP) =>
        Assert.Throws<UserException>(() => new Sampler(10, temperature, topK, topP));

    [Theory]
    [InlineData(float.NaN)]
    [InlineData(float.NegativeInfinity)]
    public void Logits_without_a_number_are_refused(float value) =>
        Assert.Contains("broken", Assert.Throws<UserException>(() => new Sampler(3).Next([value, float.NaN, value])).Message);

    [Fact]
    public void Logits_of_another_vocabulary_are_refused() =>
        Assert.Throws<ArgumentException>(() => new Sampler(3).Next([1, 2]));

    /// <summary>The probabilities by the definition: sort everything, keep a prefix, normalize.</summary>
    private static double[] Definition(float[] logits, double temperature, int topK, double topP)
    {
        var order = Enumerable.Range(0, logits.Length)
            .Where(i => !float.IsNaN(logits[i]))
            .OrderByDescending(i => logits[i] + 0f).ThenBy(i => i)
            .Take(topK == 0 ? logits.Length : topK).ToArray();
        var weights = order.Select(i => Math.Exp((logits[i] - logits[order[0]]) / temperature)).ToArray();
        var total = weights.Sum();
        var probabilities = new double[logits.Length];
        var held = 0.0;
        for (var i = 0; i < order.Length && held < topP * total; i++)
        {
            probabilities[order[i]] = weights[i];
            held += weights[i];
        }

        return [.. probabilities.Select(p => p / held)];
    }
}
