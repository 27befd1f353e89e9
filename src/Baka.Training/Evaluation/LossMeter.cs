using System.Numerics;

namespace Baka.Training.Evaluation;

/// <summary>
/// Adds up how well tokens were predicted while documents are read side by side, one in each row of the batch.
/// All sums are in double precision and in the order of the calls, so the same calls give the same bits.
/// Adding allocates nothing.
/// </summary>
public sealed class LossMeter
{
    private const int Buckets = 63;

    private readonly double[] _rowLoss;
    private readonly long[] _rowTokens;
    private readonly long[] _rowCorrect;
    private readonly double[] _bucketLoss = new double[Buckets];
    private readonly long[] _bucketTokens = new long[Buckets];
    private double _loss;
    private long _tokens;
    private long _correct;
    private long _bytes;
    private double _documentMeans;
    private long _documents;
    private long _exact;

    /// <param name="rows">Rows of the batch.</param>
    public LossMeter(int rows)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        _rowLoss = new double[rows];
        _rowTokens = new long[rows];
        _rowCorrect = new long[rows];
    }

    /// <summary>Ends the document of a row, if it has one, and begins another.</summary>
    public void BeginDocument(int row)
    {
        if (_rowTokens[row] > 0)
        {
            _documentMeans += _rowLoss[row] / _rowTokens[row];
            _documents++;
            _exact += IsExact(row);
        }

        _rowLoss[row] = 0;
        _rowTokens[row] = 0;
        _rowCorrect[row] = 0;
    }

    /// <summary>Adds the next predicted token of a row's document.</summary>
    /// <param name="row">Of the batch.</param>
    /// <param name="position">Of the token in its document, at least 1.</param>
    /// <param name="loss">Negative log-likelihood of the token, in nats.</param>
    /// <param name="correct">The token has the largest logit.</param>
    public void Add(int row, long position, double loss, bool correct)
    {
        _rowLoss[row] += loss;
        _rowTokens[row]++;
        _rowCorrect[row] += correct ? 1 : 0;
        var bucket = BitOperations.Log2((ulong)position);
        _bucketLoss[bucket] += loss;
        _bucketTokens[bucket]++;
        _loss += loss;
        _tokens++;
        _correct += correct ? 1 : 0;
    }

    /// <summary>Adds to the bytes of the text that the predicted tokens stand for.</summary>
    public void AddBytes(long bytes) => _bytes += bytes;

    /// <summary>The figures so far; documents that haven't ended count with what was read of them.</summary>
    public EvaluationReport Report()
    {
        var means = _documentMeans;
        var documents = _documents;
        var exact = _exact;
        for (var row = 0; row < _rowTokens.Length; row++)
        {
            if (_rowTokens[row] > 0)
            {
                means += _rowLoss[row] / _rowTokens[row];
                documents++;
                exact += IsExact(row);
            }
        }

        var byPosition = new List<PositionLoss>();
        for (var bucket = 0; bucket < Buckets; bucket++)
        {
            if (_bucketTokens[bucket] > 0)
            {
                byPosition.Add(new PositionLoss(
                    1L << bucket, (2L << bucket) - 1, _bucketLoss[bucket] / _bucketTokens[bucket], _bucketTokens[bucket]));
            }
        }

        return new EvaluationReport(
            _loss / _tokens,
            means / documents,
            _bytes == 0 ? double.NaN : _loss / Math.Log(2) / _bytes,
            _tokens,
            _bytes,
            documents,
            (double)_correct / _tokens,
            (double)exact / documents,
            byPosition);
    }

    private int IsExact(int row) => _rowCorrect[row] == _rowTokens[row] ? 1 : 0;
}
