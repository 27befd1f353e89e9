using Baka.Data;
using Baka.Training.Optimization;

namespace Baka.Training.Sampling;

/// <summary>
/// Draws the next token from logits: divided by the temperature, cut to the <c>topK</c> largest, then to the
/// nucleus, the fewest of those that hold <c>topP</c> of their probability (Holtzman et al. 2019, arXiv
/// 1904.09751). Equal logits are ordered by token id, so the same seed always draws the same tokens. A logit
/// that is NaN is never drawn. Drawing allocates nothing.
/// </summary>
public sealed class Sampler
{
    private readonly double _temperature;
    private readonly int _topK;
    private readonly double _topP;
    private readonly Rng _rng;
    private readonly ulong[] _candidates;
    private readonly double[] _weights;
    private readonly PriorityQueue<int, ulong> _largest;

    /// <param name="vocabulary">Number of logits.</param>
    /// <param name="temperature">0 always takes the largest logit; 1 draws from the model's own distribution.</param>
    /// <param name="topK">How many of the largest logits to draw from; 0 for all.</param>
    /// <param name="topP">The share of probability to draw from, above 0 and up to 1; at least one token is kept.</param>
    /// <param name="seed">Of the draws.</param>
    /// <exception cref="UserException">A value is out of range.</exception>
    public Sampler(int vocabulary, double temperature = 1, int topK = 0, double topP = 1, ulong seed = 0)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(vocabulary, 1);
        if (!(temperature >= 0 && double.IsFinite(temperature)))
        {
            throw new UserException($"The temperature is {temperature}, but it must be 0 (always the likeliest token) or a number above.");
        }

        if (topK < 0)
        {
            throw new UserException($"top-k is {topK}, but it must be 0 (all tokens) or a number of tokens.");
        }

        if (!(topP is > 0 and <= 1))
        {
            throw new UserException($"top-p is {topP}, but it must be above 0 and at most 1 (all tokens).");
        }

        _temperature = temperature;
        _topK = topK == 0 ? vocabulary : Math.Min(topK, vocabulary);
        _topP = topP;
        _rng = new Rng(seed);
        _candidates = new ulong[vocabulary];
        _weights = new double[vocabulary];
        _largest = new PriorityQueue<int, ulong>(_topK < vocabulary ? _topK : 0);
    }

    /// <summary>Draws a token id.</summary>
    /// <param name="logits">[vocabulary].</param>
    /// <exception cref="UserException">No logit is a number above −∞: the model is broken.</exception>
    public int Next(ReadOnlySpan<float> logits)
    {
        if (logits.Length != _candidates.Length)
        {
            throw new ArgumentException($"There are {logits.Length} logits for a vocabulary of {_candidates.Length}.", nameof(logits));
        }

        var best = ArgMax(logits);
        if (_temperature == 0)
        {
            return best;
        }

        var count = _topK < logits.Length ? TakeLargest(logits) : TakeAll();
        var total = Weigh(logits, count, logits[best]);
        if (_topP < 1)
        {
            (count, total) = TakeNucleus(logits, count, total, logits[best]);
        }

        return Draw(count, total);
    }

    private static int ArgMax(ReadOnlySpan<float> logits)
    {
        var best = -1;
        var max = float.NegativeInfinity;
        for (var i = 0; i < logits.Length; i++)
        {
            if (logits[i] > max)
            {
                (best, max) = (i, logits[i]);
            }
        }

        return best >= 0
            ? best
            : throw new UserException("The model gave no token a probability (every logit is NaN or −∞), so its weights are broken: generate from an earlier checkpoint.");
    }

    private int TakeAll()
    {
        for (var i = 0; i < _candidates.Length; i++)
        {
            _candidates[i] = (uint)i;
        }

        return _candidates.Length;
    }

    /// <summary>The top-k by <see cref="Rank"/>, in no order.</summary>
    private int TakeLargest(ReadOnlySpan<float> logits)
    {
        // The queue gives up its smallest priority first: with the ranks complemented, the worst of the k.
        _largest.Clear();
        for (var i = 0; i < logits.Length; i++)
        {
            var priority = ~Rank(logits[i], i);
            if (_largest.Count < _topK)
            {
                _largest.Enqueue(i, priority);
            }
            else
            {
                _largest.EnqueueDequeue(i, priority);
            }
        }

        for (var i = _topK - 1; i >= 0; i--)
        {
            _candidates[i] = (uint)_largest.Dequeue();
        }

        return _topK;
    }

    /// <summary>Sets the weight of every candidate to its probability, up to a common factor.</summary>
    /// <returns>The sum of the weights.</returns>
    private double Weigh(ReadOnlySpan<float> logits, int count, float max)
    {
        var total = 0.0;
        for (var i = 0; i < count; i++)
        {
            var logit = logits[(int)_candidates[i]];
            // Infinity less infinity is no number: an infinite logit weighs as much as the largest, which it is.
            var weight = logit == max ? 1 : Math.Exp(((double)logit - max) / _temperature);
            _weights[i] = double.IsNaN(weight) ? 0 : weight;
            total += _weights[i];
        }

        return total;
    }

    /// <summary>Keeps the fewest candidates, the likeliest first, that hold top-p of the weight.</summary>
    private (int Count, double Total) TakeNucleus(ReadOnlySpan<float> logits, int count, double total, float max)
    {
        // All that weigh less than this together hold less than 1 − p, so none of them is needed: few are left to sort.
        var negligible = (1 - _topP) * total / count;
        var kept = 0;
        for (var i = 0; i < count; i++)
        {
            if (_weights[i] >= negligible && _weights[i] > 0)
            {
                var id = (int)_candidates[i];
                _candidates[kept++] = Rank(logits[id], id);
            }
        }

        _candidates.AsSpan(0, kept).Sort();
        for (var i = 0; i < kept; i++)
        {
            _candidates[i] = (uint)_candidates[i];
        }

        Weigh(logits, kept, max);
        var held = 0.0;
        for (var i = 0; i < kept; i++)
        {
            held += _weights[i];
            if (held >= _topP * total)
            {
                return (i + 1, held);
            }
        }

        return (kept, held);
    }

    private int Draw(int count, double total)
    {
        var target = _rng.NextDouble() * total;
        var last = 0;
        for (var i = 0; i < count; i++)
        {
            if (_weights[i] == 0)
            {
                continue;
            }

            last = i;
            target -= _weights[i];
            if (target < 0)
            {
                break;
            }
        }

        return (int)_candidates[last];
    }

    /// <summary>A number that orders tokens from the largest logit to the smallest, equal ones by id; the id is its lower half.</summary>
    private static ulong Rank(float logit, int id)
    {
        // The bits of a float order as integers once negative ones are flipped whole and positive ones in their sign.
        // Adding 0 makes −0 equal to 0; NaN goes last.
        var bits = float.IsNaN(logit) ? 0xFFFF_FFFFu : BitConverter.SingleToUInt32Bits(logit + 0f);
        var ascending = (bits & 0x8000_0000u) != 0 ? ~bits : bits | 0x8000_0000u;
        return ((ulong)~ascending << 32) | (uint)id;
    }
}
