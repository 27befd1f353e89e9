using Baka.Data.Corpora;
using Baka.Data.Shards;

namespace Baka.Data.Tests.Corpora;

public sealed class NgramBaselineTests
{
    [Fact]
    public void Probabilities_of_all_tokens_sum_to_one()
    {
        const int Vocabulary = 23;
        var random = new Random(1);
        var counts = new BigramCounts(Vocabulary);
        // The last tokens are never seen.
        for (var i = 0; i < 2000; i++)
            counts.Add(random.Next(random.Next(1, 20)), random.Next(random.Next(1, 20)));
        counts.Complete();
        Assert.Equal(1, Enumerable.Range(0, Vocabulary).Sum(counts.UnigramProbability), 9);
        for (var before = 0; before < Vocabulary; before++)
        {
            Assert.Equal(1, Enumerable.Range(0, Vocabulary).Sum(token => counts.BigramProbability(before, token)), 9);
            Assert.All(Enumerable.Range(0, Vocabulary), token => Assert.True(counts.BigramProbability(before, token) > 0));
        }
    }

    [Fact]
    public void Losses_of_a_small_corpus_equal_those_by_hand()
    {
        using var training = TokenCorpus.FromTokens([[0, 1, 0, 1], [2, 1]]);
        using var validation = TokenCorpus.FromTokens([[2, 1, 0], [3]]);

        var baseline = NgramBaseline.Measure(training, validation, 4);

        Assert.Equal(2, baseline.PredictedTokens);
        Assert.Equal(Math.Log(4), baseline.Uniform, 12);
        // Predicted in training: 1 three times, 0 once. One is added to each of four.
        Assert.Equal(-(Math.Log(4 / 8.0) + Math.Log(2 / 8.0)) / 2, baseline.Unigram, 12);
        // Pairs 01 twice, 10 once, 21 once: the discount is 2 / (2 + 2·1). Token 0 follows one kind, 1 two: 1 / (1 + 2·1).
        const double Discount = 0.5, Lower = 1.0 / 3;
        var continuation0 = (1 - Lower + Lower * 2 / 4) / 3;
        var continuation1 = (2 - Lower + Lower * 2 / 4) / 3;
        var after2 = 1 - Discount + Discount * continuation1;
        var after1 = 1 - Discount + Discount * continuation0;
        Assert.Equal(-(Math.Log(after2) + Math.Log(after1)) / 2, baseline.Bigram, 12);
    }

    [Fact]
    public void A_bigram_learns_what_a_unigram_can_not()
    {
        var cycle = Enumerable.Range(0, 3000).Select(i => i * i % 7).ToArray();
        using var corpus = TokenCorpus.FromTokens([cycle]);
        var baseline = NgramBaseline.Measure(corpus, corpus, 7);
        Assert.True(baseline.Bigram < baseline.Unigram - 0.3);
        Assert.True(baseline.Unigram < baseline.Uniform);
    }

    [Fact]
    public void Pairs_are_counted_as_a_dictionary_counts_them()
    {
        var random = new Random(2);
        var pairs = new PairCounts();
        var expected = new Dictionary<(int, int), int>();
        for (var i = 0; i < 300_000; i++)
        {
            var pair = (random.Next(400), random.Next(400));
            pairs.Increment(pair.Item1, pair.Item2);
            expected[pair] = expected.GetValueOrDefault(pair) + 1;
        }

        Assert.Equal(expected.Count, pairs.Count);
        Assert.Equal(expected.OrderBy(pair => pair.Key), pairs.All().Select(pair => KeyValuePair.Create((pair.Left, pair.Right), pair.Count)).OrderBy(pair => pair.Key));
        Assert.Equal(0, pairs.Find(500, 1));
    }

    [Fact]
    public void Validation_without_anything_to_predict_is_refused()
    {
        using var training = TokenCorpus.FromTokens([[1, 2]]);
        using var validation = TokenCorpus.FromTokens([[1]]);
        Assert.Contains("nothing to predict", Assert.Throws<UserException>(() => NgramBaseline.Measure(training, validation, 3)).Message);
    }
}
