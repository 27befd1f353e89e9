using Baka.Cpu.Elementwise;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>
/// The gradient of <see cref="ConvolutionForward"/>. The sums z that SiLU was taken of are computed anew; then, from the last
/// slot to the first of the tail, each input takes its share of those that it reached. What all rows share is summed row by
/// row, then over the rows in their order.
/// </summary>
public sealed unsafe class ConvolutionBackward : ConvolutionKernel
{
    private readonly int _workers;
    private readonly float* _partial;
    private readonly float* _gradients;
    private ThreadTeam? _team;

    /// <param name="workers">The largest team that will run it.</param>
    public ConvolutionBackward(ConvolutionShape shape, int workers)
        : base(shape)
    {
        _workers = workers;
        _partial = Allocate(shape.Rows * PerRow);
        _gradients = Allocate(workers * SumsOfWorker);
    }

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
    private long PerRow => (Shape.Width + 1L) * Shape.Channels;

    /// <summary>Floats of a worker's dz: [T, channels of a group].</summary>
    private long SumsOfWorker => (long)Shape.Slots * ConvolutionShape.Grain;

    public override void Run(ThreadTeam team)
    {
        team.RequireAtMost(_workers);
        _team = team;
        team.Run(this);
    }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(Shape.Rows * Shape.Groups, worker, workers);
        for (var item = start; item < end; item++)
        {
            var (row, group) = Math.DivRem(item, Shape.Groups);
            var first = group * ConvolutionShape.Grain;
            Differentiate<S, V>(row, first, Math.Min(ConvolutionShape.Grain, Shape.Channels - first), _gradients + worker * SumsOfWorker);
        }

        _team!.Barrier();
        var weights = (nint)Shape.Width * Shape.Channels;
        SumRows<S, V>(0, weights, WeightGradient, worker, workers);
        SumRows<S, V>(weights, Shape.Channels, BiasGradient, worker, workers);
    }

    private void Differentiate<S, V>(int row, int first, int width, float* gradients)
        where S : struct, ISimd<V>
        where V : struct
    {
        FindGradients<S, V>(row, first, width, gradients);
        var sums = _partial + row * PerRow + first;
        for (var j = 0; j <= Shape.Width; j++)
        {
            new Span<float>(sums + (nint)j * Shape.Channels, width).Clear();
        }

        // How many slots behind this one its input reaches.
        var ahead = -1;
        for (var slot = Shape.Slots - 1; slot >= -Shape.Tail; slot--)
        {
            var cut = slot + 1 < 0 || slot + 1 == Shape.Slots ? false : Begins[(nint)row * Shape.Slots + slot + 1] != 0;
            ahead = cut ? 0 : Math.Min(Shape.Tail, ahead + 1);
            var x = At(row, slot) + first;
            var dx = (slot >= 0 ? InputGradient.At(row, slot) : TailGradient + TailRow(row, slot)) + first;
            var left = Shape.Slots - 1 - slot;
            if (NextTailGradient != null && left < Shape.Tail && ahead == left)
            {
                new Span<float>(NextTailGradient + TailRow(row, -1 - left) + first, width).CopyTo(new Span<float>(dx, width));
            }
            else
            {
                new Span<float>(dx, width).Clear();
            }

            for (var back = Math.Max(0, -slot); back <= ahead; back++)
            {
                var tap = (nint)(Shape.Tail - back) * Shape.Channels;
                AddProducts<S, V>(gradients + (nint)(slot + back) * ConvolutionShape.Grain, Weight + tap + first, x, dx, sums + tap, width);
            }

            if (slot >= 0)
            {
                Simd<S, V>.AddScaled(1f, gradients + (nint)slot * ConvolutionShape.Grain, sums + (nint)Shape.Width * Shape.Channels, width);
            }
        }
    }

    /// <summary>dz of every slot.</summary>
    private void FindGradients<S, V>(int row, int first, int width, float* gradients)
        where S : struct, ISimd<V>
        where V : struct
    {
        var reach = Shape.Tail;
        for (var t = 0; t < Shape.Slots; t++)
        {
            reach = Reach(row, t, reach);
            var z = gradients + (nint)t * ConvolutionShape.Grain;
            Sum<S, V>(row, t, reach, first, width, z);
            Chain<S, V>(OutputGradient + ((nint)row * Shape.Slots + t) * Shape.Channels + first, z, width);
        }
    }

    /// <summary>z ← dy ⊙ SiLU′(z), where SiLU′ = σ (1 + z (1 − σ)).</summary>
    private static void Chain<S, V>(float* dy, float* z, int width)
        where S : struct, ISimd<V>
        where V : struct
    {
        var one = S.Create(1f);
        var i = 0;
        for (; i <= width - S.Count; i += S.Count)
        {
            var sum = S.Load(z + i);
            var sigmoid = VectorFunctions<S, V>.Sigmoid(sum);
            var slope = S.Multiply(sigmoid, S.MultiplyAdd(sum, S.Subtract(one, sigmoid), one));
            S.Store(S.Multiply(S.Load(dy + i), slope), z + i);
        }

        for (; i < width; i++)
        {
            var sigmoid = 1 / (1 + MathF.Exp(-z[i]));
            z[i] = dy[i] * sigmoid * (1 + z[i] * (1 - sigmoid));
        }
    }

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
        for (var row = 1; row < Shape.Rows; row++)
        {
            Simd<S, V>.AddScaled(1f, _partial + row * PerRow + offset + start, to + start, end - start);
        }
    }
}
