using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>
/// The gradient of <see cref="ConvolutionForward"/>. From the last slot to the first of the tail, each input takes its share of
/// the outputs that it reached. What all rows share is summed row by row, then over the rows in their order.
/// </summary>
public sealed unsafe class ConvolutionBackward : Kernel
{
    private readonly ConvolutionShape _shape;
    private readonly float* _partial;
    private ThreadTeam? _team;

    public ConvolutionBackward(ConvolutionShape shape)
    {
        _shape = shape;
        _partial = Allocate(shape.Rows * PerRow);
    }

    /// <summary>x: [B, T, c].</summary>
    public Rows Input { get; set; }

    /// <summary>[B, T]: ≠ 0 where nothing lies before.</summary>
    public float* Begins { get; set; }

    /// <summary>[B, k − 1, c]: before the first slot.</summary>
    public float* Tail { get; set; }

    /// <summary>w: [k, c], oldest first.</summary>
    public float* Weight { get; set; }

    /// <summary>dy: [B, T, c].</summary>
    public float* OutputGradient { get; set; }

    /// <summary>[B, k − 1, c]: of the tail after the last slot; null = none.</summary>
    public float* NextTailGradient { get; set; }

    /// <summary>dx: [B, T, c].</summary>
    public Rows InputGradient { get; set; }

    /// <summary>[B, k − 1, c].</summary>
    public float* TailGradient { get; set; }

    /// <summary>dw: [k, c].</summary>
    public float* WeightGradient { get; set; }

    /// <summary>[c].</summary>
    public float* BiasGradient { get; set; }

    /// <summary>Floats of a row's sums: of the weight [k, c], then of the bias [c].</summary>
    private long PerRow => (_shape.Width + 1L) * _shape.Channels;

    public override void Run(ThreadTeam team)
    {
        _team = team;
        team.Run(this);
    }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(_shape.Rows * _shape.Groups, worker, workers);
        for (var item = start; item < end; item++)
        {
            var (row, group) = Math.DivRem(item, _shape.Groups);
            var first = group * ConvolutionShape.Grain;
            Differentiate<S, V>(row, first, Math.Min(ConvolutionShape.Grain, _shape.Channels - first));
        }

        _team!.Barrier();
        var weights = (nint)_shape.Width * _shape.Channels;
        SumRows<S, V>(0, weights, WeightGradient, worker, workers);
        SumRows<S, V>(weights, _shape.Channels, BiasGradient, worker, workers);
    }

    private void Differentiate<S, V>(int row, int first, int width)
        where S : struct, ISimd<V>
        where V : struct
    {
        var sums = _partial + row * PerRow + first;
        for (var j = 0; j <= _shape.Width; j++)
        {
            new Span<float>(sums + (nint)j * _shape.Channels, width).Clear();
        }

        // How many slots behind this one its input reaches.
        var ahead = -1;
        for (var slot = _shape.Slots - 1; slot >= -_shape.Tail; slot--)
        {
            var cut = slot + 1 < 0 || slot + 1 == _shape.Slots ? false : Begins[(nint)row * _shape.Slots + slot + 1] != 0;
            ahead = cut ? 0 : Math.Min(_shape.Tail, ahead + 1);
            var x = (slot >= 0 ? Input.At(row, slot) : Tail + TailRow(row, slot)) + first;
            var dx = (slot >= 0 ? InputGradient.At(row, slot) : TailGradient + TailRow(row, slot)) + first;
            var left = _shape.Slots - 1 - slot;
            if (NextTailGradient != null && left < _shape.Tail && ahead == left)
            {
                new Span<float>(NextTailGradient + ((nint)row * _shape.Tail + _shape.Tail - 1 - left) * _shape.Channels + first, width).CopyTo(new Span<float>(dx, width));
            }
            else
            {
                new Span<float>(dx, width).Clear();
            }

            for (var back = Math.Max(0, -slot); back <= ahead; back++)
            {
                var dy = OutputGradient + ((nint)row * _shape.Slots + slot + back) * _shape.Channels + first;
                var tap = (nint)(_shape.Tail - back) * _shape.Channels;
                AddProducts<S, V>(dy, Weight + tap + first, x, dx, sums + tap, width);
            }

            if (slot >= 0)
            {
                Simd<S, V>.AddScaled(1f, OutputGradient + ((nint)row * _shape.Slots + slot) * _shape.Channels + first, sums + (nint)_shape.Width * _shape.Channels, width);
            }
        }
    }

    private nint TailRow(int row, int slot) => ((nint)row * _shape.Tail + _shape.Tail + slot) * _shape.Channels;

    /// <summary>dx += dy ⊙ w, dw += dy ⊙ x.</summary>
    private static void AddProducts<S, V>(float* dy, float* w, float* x, float* dx, float* dw, int width)
        where S : struct, ISimd<V>
        where V : struct
    {
        var i = 0;
        for (; i <= width - S.Count; i += S.Count)
        {
            var upstream = S.Load(dy + i);
            S.Store(S.MultiplyAdd(upstream, S.Load(w + i), S.Load(dx + i)), dx + i);
            S.Store(S.MultiplyAdd(upstream, S.Load(x + i), S.Load(dw + i)), dw + i);
        }

        for (; i < width; i++)
        {
            dx[i] += dy[i] * w[i];
            dw[i] += dy[i] * x[i];
        }
    }

    private void SumRows<S, V>(nint offset, nint length, float* to, int worker, int workers)
        where S : struct, ISimd<V>
        where V : struct
    {
        var (start, end) = ThreadTeam.Share((int)length, worker, workers, ConvolutionShape.Grain);
        new Span<float>(_partial + offset + start, end - start).CopyTo(new Span<float>(to + start, end - start));
        for (var row = 1; row < _shape.Rows; row++)
        {
            Simd<S, V>.AddScaled(1f, _partial + row * PerRow + offset + start, to + start, end - start);
        }
    }
}
