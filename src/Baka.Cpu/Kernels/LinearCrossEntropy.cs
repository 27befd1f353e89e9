using Baka.Cpu.Gemm;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>
/// Negative log-likelihood of targets under softmax(x wᵀ), forward or forward and backward in one pass, without ever
/// holding more logits than one chunk of rows. A row whose target is −1 is ignored: its loss is 0, its gradient 0, its
/// input not read.
/// </summary>
public sealed unsafe class LinearCrossEntropy : Kernel
{
    // The chunk of logits should stay in the last-level cache, and be tall enough that w's packing does not show.
    private const int ChunkBytes = 16 << 20;
    private const int FewestRows = 48;

    // A multiple of the row tiles a matrix product may use.
    private const int RowGrain = 24;

    private readonly int _rows;
    private readonly int _width;
    private readonly int _vocabulary;
    private readonly bool _backward;
    private readonly int _chunkRows;
    private readonly float* _logits;
    private readonly float* _chunkInput;
    private readonly float* _chunkInputGradient;
    private readonly int* _active;
    private Phase _phase;
    private int _chunkStart;
    private int _chunkCount;

    /// <param name="rows">N.</param>
    /// <param name="width">d.</param>
    /// <param name="vocabulary">V.</param>
    /// <param name="backward">Also computes the gradients of x and w.</param>
    public LinearCrossEntropy(int rows, int width, int vocabulary, bool backward)
        : this(rows, width, vocabulary, backward, Math.Min(rows, ChunkRows(vocabulary)))
    {
    }

    internal LinearCrossEntropy(int rows, int width, int vocabulary, bool backward, int chunkRows)
    {
        (_rows, _width, _vocabulary, _backward, _chunkRows) = (rows, width, vocabulary, backward, chunkRows);
        _logits = Allocate((long)_chunkRows * vocabulary);
        _chunkInput = Allocate((long)_chunkRows * width);
        _chunkInputGradient = backward ? Allocate((long)_chunkRows * width) : null;
        _active = (int*)Allocate(rows);
    }

    private enum Phase
    {
        Gather,
        Softmax,
        Scatter,
        ClearIgnored,
    }

    /// <summary>x: [N, d].</summary>
    public Rows Input { get; set; }

    /// <summary>w: [V, d].</summary>
    public float* Weight { get; set; }

    /// <summary>[N]: 0 … V − 1, or −1 to ignore the row.</summary>
    public int* Targets { get; set; }

    /// <summary>[N]: loss of each row in nats.</summary>
    public float* Loss { get; set; }

    /// <summary>[N]: 1 where the target is the argmax of the logits, of equal ones the first; else 0. Forward only.</summary>
    public float* Correct { get; set; }

    /// <summary>[N]: gradient of the total with respect to each row's loss; backward only.</summary>
    public float* LossGradient { get; set; }

    /// <summary>dx: [N, d], overwritten; backward only, and there only if wanted.</summary>
    public Rows InputGradient { get; set; }

    /// <summary>dw: [V, d], overwritten; backward only, null if not wanted.</summary>
    public float* WeightGradient { get; set; }

    public override void Run(ThreadTeam team)
    {
        var count = ListActiveRows();
        RunPhase(team, Phase.ClearIgnored);
        if (WeightGradient != null && count == 0)
        {
            new Span<float>(WeightGradient, checked(_vocabulary * _width)).Clear();
        }

        for (_chunkStart = 0; _chunkStart < count; _chunkStart += _chunkRows)
        {
            _chunkCount = Math.Min(_chunkRows, count - _chunkStart);
            RunPhase(team, Phase.Gather);
            var x = new Matrix(_chunkInput, _width, 1);
            var w = new Matrix(Weight, _width, 1);
            var logits = new Matrix(_logits, _vocabulary, 1);
            Sgemm.Multiply(team, _chunkCount, _vocabulary, _width, x, w.Transposed, logits);
            RunPhase(team, Phase.Softmax);
            if (InputGradient.IsPresent)
            {
                Sgemm.Multiply(team, _chunkCount, _width, _vocabulary, logits, w, new Matrix(_chunkInputGradient, _width, 1));
                RunPhase(team, Phase.Scatter);
            }

            if (WeightGradient != null)
            {
                Sgemm.Multiply(team, _vocabulary, _width, _chunkCount, logits.Transposed, x, new Matrix(WeightGradient, _width, 1), accumulate: _chunkStart > 0);
            }
        }
    }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        if (_phase == Phase.ClearIgnored)
        {
            ClearIgnored(worker, workers);
            return;
        }

        var (start, end) = ThreadTeam.Share(_chunkCount, worker, workers);
        for (var i = start; i < end; i++)
        {
            var row = _active[_chunkStart + i];
            switch (_phase)
            {
                case Phase.Gather:
                    Copy(Input.At(row), _chunkInput + (nint)i * _width);
                    break;
                case Phase.Softmax:
                    Softmax<S, V>(_logits + (nint)i * _vocabulary, row);
                    break;
                default:
                    Copy(_chunkInputGradient + (nint)i * _width, InputGradient.At(row));
                    break;
            }
        }
    }

    /// <summary>Loss of a row; its logits become their gradient.</summary>
    private void Softmax<S, V>(float* logits, int row)
        where S : struct, ISimd<V>
        where V : struct
    {
        var target = Targets[row];
        var max = Simd<S, V>.Max(logits, _vocabulary);
        var targetLogit = logits[target];
        var isLargest = !_backward && targetLogit == max && new ReadOnlySpan<float>(logits, target).IndexOf(max) < 0;
        var sum = Simd<S, V>.ExpAndSum(logits, max, _vocabulary);
        Loss[row] = (float)(Math.Log(sum) + ((double)max - targetLogit));
        if (_backward)
        {
            Simd<S, V>.Scale(LossGradient[row] / sum, logits, _vocabulary);
            logits[target] -= LossGradient[row];
        }
        else
        {
            Correct[row] = isLargest ? 1 : 0;
        }
    }

    private void ClearIgnored(int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(_rows, worker, workers);
        for (var row = start; row < end; row++)
        {
            if (Targets[row] >= 0)
            {
                continue;
            }

            Loss[row] = 0;
            if (InputGradient.IsPresent)
            {
                new Span<float>(InputGradient.At(row), _width).Clear();
            }
            else if (!_backward)
            {
                Correct[row] = 0;
            }
        }
    }

    private static int ChunkRows(int vocabulary) =>
        (int)Math.Max(FewestRows, ChunkBytes / ((long)vocabulary * sizeof(float)) / RowGrain * RowGrain);

    private int ListActiveRows()
    {
        var count = 0;
        for (var row = 0; row < _rows; row++)
        {
            var target = Targets[row];
            if (target < -1 || target >= _vocabulary)
            {
                throw new ArgumentOutOfRangeException(nameof(Targets), $"Target {target} of row {row} is outside the vocabulary of {_vocabulary}: give −1 for rows to ignore.");
            }

            if (target >= 0)
            {
                _active[count++] = row;
            }
        }

        return count;
    }

    private void RunPhase(ThreadTeam team, Phase phase)
    {
        _phase = phase;
        team.Run(this);
    }

    private void Copy(float* from, float* to) => new Span<float>(from, _width).CopyTo(new Span<float>(to, _width));
}
