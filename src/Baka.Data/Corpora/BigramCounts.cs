namespace Baka.Data.Corpora;

/// <summary>Counts of tokens and of pairs of neighbors, and the probabilities that follow from them.</summary>
internal sealed class BigramCounts(int vocabularySize)
{
    private readonly PairCounts _pairs = new();
    private readonly long[] _followers = new long[vocabularySize];
    private readonly long[] _occurrences = new long[vocabularySize];

    // How many different tokens come behind and before each.
    private readonly int[] _kindsBehind = new int[vocabularySize];
    private readonly int[] _kindsBefore = new int[vocabularySize];
    private readonly double[] _continuation = new double[vocabularySize];
    private long _total;
    private double _discount;

    public void Add(int before, int token)
    {
        _pairs.Increment(before, token);
        _followers[before]++;
        _occurrences[token]++;
        _total++;
    }

    /// <summary>To be called when all is counted, before probabilities are asked for.</summary>
    public void Complete()
    {
        long once = 0, twice = 0;
        foreach (var (before, token, count) in _pairs.All())
        {
            _kindsBehind[before]++;
            _kindsBefore[token]++;
            once += count == 1 ? 1 : 0;
            twice += count == 2 ? 1 : 0;
        }

        _discount = Discount(once, twice);
        var discount = Discount(_kindsBefore.LongCount(kinds => kinds == 1), _kindsBefore.LongCount(kinds => kinds == 2));
        var seen = _kindsBefore.LongCount(kinds => kinds > 0);
        for (var token = 0; token < vocabularySize; token++)
        {
            _continuation[token] = _pairs.Count == 0
                ? 1.0 / vocabularySize
                : (Math.Max(_kindsBefore[token] - discount, 0) + discount * seen / vocabularySize) / _pairs.Count;
        }
    }

    public double UnigramProbability(int token) => (_occurrences[token] + 1.0) / (_total + vocabularySize);

    public double BigramProbability(int before, int token)
    {
        if (_followers[before] == 0)
            return _continuation[token];
        var direct = Math.Max(_pairs.Find(before, token) - _discount, 0);
        return (direct + _discount * _kindsBehind[before] * _continuation[token]) / _followers[before];
    }

    // Ney, Essen and Kneser 1994. A corpus without rare counts tells nothing: then a half.
    private static double Discount(long once, long twice) => once == 0 ? 0.5 : once / (once + 2.0 * twice) is var discount and < 1 ? discount : 0.9;
}
