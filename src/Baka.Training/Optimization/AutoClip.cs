using Baka.Data;

namespace Baka.Training.Optimization;

/// <summary>
/// Clips the gradient at a percentile of the norms seen so far (Seetharaman et al. 2020, "AutoClip: Adaptive
/// gradient clipping for source separation networks", arXiv 2007.14469). Two differences from the paper: the
/// threshold is known before the step runs, since the compiled step clips for itself, so it comes from the
/// past norms alone; and only the newest norms are kept.
/// </summary>
public sealed class AutoClip
{
    private readonly double _percentile;
    private readonly double[] _ring;
    private readonly double[] _sorted;
    private int _count;
    private int _oldest;

    /// <param name="percentile">Of the past norms, 0 … 100; the paper finds 10 best.</param>
    /// <param name="capacity">How many norms are remembered.</param>
    /// <exception cref="UserException">A value is out of range.</exception>
    public AutoClip(double percentile, int capacity = 4096)
    {
        if (!(percentile is >= 0 and <= 100))
        {
            throw new UserException($"The percentile of autoclip is {percentile}, but it must lie between 0 and 100.");
        }

        if (capacity < 1)
        {
            throw new UserException($"The history of autoclip is {capacity} steps, but it must be at least 1.");
        }

        _percentile = percentile;
        _ring = new double[capacity];
        _sorted = new double[capacity];
    }

    /// <summary>The norm to clip the next step at, interpolated between the two nearest past norms; infinite before the first.</summary>
    public double Threshold
    {
        get
        {
            if (_count == 0)
            {
                return double.PositiveInfinity;
            }

            var position = _percentile / 100 * (_count - 1);
            var below = (int)position;
            var above = Math.Min(below + 1, _count - 1);
            return _sorted[below] + (position - below) * (_sorted[above] - _sorted[below]);
        }
    }

    /// <summary>Takes note of a step's gradient norm before clipping; norms that aren't finite are left out.</summary>
    public void Observe(double norm)
    {
        if (!double.IsFinite(norm))
        {
            return;
        }

        if (_count == _ring.Length)
        {
            Remove(_ring[_oldest]);
            _oldest = (_oldest + 1) % _ring.Length;
        }

        _ring[(_oldest + _count) % _ring.Length] = norm;
        Insert(norm);
    }

    /// <summary>The remembered norms, oldest first.</summary>
    public double[] History()
    {
        var history = new double[_count];
        for (var i = 0; i < _count; i++)
        {
            history[i] = _ring[(_oldest + i) % _ring.Length];
        }

        return history;
    }

    /// <summary>Forgets everything and takes over a history, oldest first.</summary>
    public void Restore(IEnumerable<double> history)
    {
        _count = 0;
        _oldest = 0;
        foreach (var norm in history)
        {
            Observe(norm);
        }
    }

    private void Insert(double norm)
    {
        var at = Array.BinarySearch(_sorted, 0, _count, norm);
        at = at < 0 ? ~at : at;
        Array.Copy(_sorted, at, _sorted, at + 1, _count - at);
        _sorted[at] = norm;
        _count++;
    }

    private void Remove(double norm)
    {
        var at = Array.BinarySearch(_sorted, 0, _count, norm);
        _count--;
        Array.Copy(_sorted, at + 1, _sorted, at, _count - at);
    }
}
