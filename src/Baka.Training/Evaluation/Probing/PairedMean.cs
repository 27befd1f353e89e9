namespace Baka.Training.Evaluation.Probing;

/// <summary>
/// The mean of differences between two losses of the same tokens, and its standard error. Tokens of a window share what
/// the window begins with, so windows are what counts as independent: the mean is a ratio of two sums over windows, and
/// its error that of a ratio estimate (Cochran, Sampling Techniques, 1977, section 6.4).
/// </summary>
internal struct PairedMean
{
    private long _windows;
    private long _tokens;
    private double _difference;
    private double _tokensSquared;
    private double _differenceSquared;
    private double _product;

    /// <param name="difference">Sum over tokens of a window.</param>
    /// <param name="tokens">At least one.</param>
    public void Add(double difference, int tokens)
    {
        _windows++;
        _tokens += tokens;
        _difference += difference;
        _tokensSquared += (double)tokens * tokens;
        _differenceSquared += difference * difference;
        _product += difference * tokens;
    }

    /// <summary>NaN where there is too little for a mean or an error.</summary>
    public readonly LossRise Result()
    {
        var mean = _difference / _tokens;
        var residual = Math.Max(0, _differenceSquared - 2 * mean * _product + mean * mean * _tokensSquared);
        return new LossRise(mean, _windows < 2 ? double.NaN : Math.Sqrt(residual * _windows / (_windows - 1)) / _tokens);
    }
}
