using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>The gradient of <see cref="NormForward"/>, with the statistics it left.</summary>
/// <remarks>
/// With n = (x − mean) · scale and e = dy ⊙ w: dx = scale · (e − n · mean(e ⊙ n) − [centered] mean(e)), dw = Σ dy ⊙ n.
/// </remarks>
public sealed unsafe class NormBackward : Kernel
{
    // Partial sums of different workers lie on different cache lines.
    private const int Line = 16;

    private readonly int _batches;
    private readonly int _rows;
    private readonly int _width;
    private readonly bool _centered;
    private readonly bool _accumulate;
    private readonly int _workers;
    private readonly int _partialStride;
    private readonly float* _partial;
    private ThreadTeam? _team;

    /// <param name="accumulate">Add to dx instead of overwriting it.</param>
    /// <param name="workers">The largest team that will run it.</param>
    public NormBackward(int batches, int rows, int width, bool centered, bool accumulate, int workers)
    {
        (_batches, _rows, _width, _centered, _accumulate, _workers) = (batches, rows, width, centered, accumulate, workers);
        _partialStride = TileProduct.RoundUp(width, Line);
        _partial = Allocate((long)workers * _partialStride);
    }

    /// <summary>x: [batches, rows, width].</summary>
    public Rows Input { get; set; }

    /// <summary>w: [width], or null for no weight.</summary>
    public float* Weight { get; set; }

    /// <summary>[batches · rows, 2], from the forward pass.</summary>
    public float* Statistics { get; set; }

    /// <summary>dy: [batches, rows, width].</summary>
    public Rows OutputGradient { get; set; }

    /// <summary>dx: [batches, rows, width]; may be dy itself when it does not accumulate.</summary>
    public Rows InputGradient { get; set; }

    /// <summary>dw: [width], or null when not wanted.</summary>
    public float* WeightGradient { get; set; }

    public override void Run(ThreadTeam team)
    {
        team.RequireAtMost(_workers);
        _team = team;
        team.Run(this);
    }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        var partial = WeightGradient == null ? null : _partial + (nint)worker * _partialStride;
        if (partial != null)
        {
            new Span<float>(partial, _width).Clear();
        }

        var (start, end) = ThreadTeam.Share(_batches * _rows, worker, workers);
        for (var row = start; row < end; row++)
        {
            var (batch, inBatch) = Math.DivRem(row, _rows);
            Differentiate<S, V>(Input.At(batch, inBatch), OutputGradient.At(batch, inBatch), Statistics[2 * row], Statistics[2 * row + 1], InputGradient.At(batch, inBatch), partial);
        }

        if (partial != null)
        {
            _team!.Barrier();
            SumPartials<S, V>(worker, workers);
        }
    }

    private void Differentiate<S, V>(float* x, float* dy, float mean, float scale, float* dx, float* dw)
        where S : struct, ISimd<V>
        where V : struct
    {
        var m = S.Create(mean);
        var s = S.Create(scale);
        var alongTotal = S.Create(0);
        var total = S.Create(0);
        var i = 0;
        for (; i <= _width - S.Count; i += S.Count)
        {
            var normal = S.Multiply(S.Subtract(S.Load(x + i), m), s);
            var e = Weight == null ? S.Load(dy + i) : S.Multiply(S.Load(dy + i), S.Load(Weight + i));
            alongTotal = S.MultiplyAdd(e, normal, alongTotal);
            total = S.Add(total, e);
            if (dw != null)
            {
                S.Store(S.MultiplyAdd(S.Load(dy + i), normal, S.Load(dw + i)), dw + i);
            }
        }

        var along = S.Sum(alongTotal);
        var sum = S.Sum(total);
        for (; i < _width; i++)
        {
            var normal = (x[i] - mean) * scale;
            var e = dy[i] * (Weight == null ? 1f : Weight[i]);
            along += e * normal;
            sum += e;
            if (dw != null)
            {
                dw[i] += dy[i] * normal;
            }
        }

        along /= _width;
        sum = _centered ? sum / _width : 0f;
        var alongAll = S.Create(-along);
        var sumAll = S.Create(sum);
        for (i = 0; i <= _width - S.Count; i += S.Count)
        {
            var normal = S.Multiply(S.Subtract(S.Load(x + i), m), s);
            var e = Weight == null ? S.Load(dy + i) : S.Multiply(S.Load(dy + i), S.Load(Weight + i));
            var gradient = S.Multiply(s, S.MultiplyAdd(normal, alongAll, S.Subtract(e, sumAll)));
            S.Store(_accumulate ? S.Add(S.Load(dx + i), gradient) : gradient, dx + i);
        }

        for (; i < _width; i++)
        {
            var normal = (x[i] - mean) * scale;
            var gradient = scale * (dy[i] * (Weight == null ? 1f : Weight[i]) - sum - normal * along);
            dx[i] = _accumulate ? dx[i] + gradient : gradient;
        }
    }

    /// <summary>dw = the workers' partial sums, added in their order.</summary>
    private void SumPartials<S, V>(int worker, int workers)
        where S : struct, ISimd<V>
        where V : struct
    {
        var (start, end) = ThreadTeam.Share(_width, worker, workers, Line);
        var to = WeightGradient + start;
        new Span<float>(_partial + start, end - start).CopyTo(new Span<float>(to, end - start));
        for (var other = 1; other < workers; other++)
        {
            Simd<S, V>.AddScaled(1f, _partial + (nint)other * _partialStride + start, to, end - start);
        }
    }
}
