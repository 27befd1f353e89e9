using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>y_t = bias + Σ_j w_j ⊙ x_{t−k+1+j}; inputs before a beginning count as 0. Rows and channels are shared among the workers.</summary>
public sealed unsafe class ConvolutionForward(ConvolutionShape shape) : Kernel
{
    /// <summary>x: [B, T, c].</summary>
    public Rows Input { get; set; }

    /// <summary>[B, T]: ≠ 0 where nothing lies before.</summary>
    public float* Begins { get; set; }

    /// <summary>[B, k − 1, c]: before the first slot.</summary>
    public float* Tail { get; set; }

    /// <summary>w: [k, c], oldest first.</summary>
    public float* Weight { get; set; }

    /// <summary>[c].</summary>
    public float* Bias { get; set; }

    /// <summary>y: [B, T, c].</summary>
    public float* Output { get; set; }

    /// <summary>[B, k − 1, c]: after the last slot.</summary>
    public float* NextTail { get; set; }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(shape.Rows * shape.Groups, worker, workers);
        for (var item = start; item < end; item++)
        {
            var (row, group) = Math.DivRem(item, shape.Groups);
            var first = group * ConvolutionShape.Grain;
            var width = Math.Min(ConvolutionShape.Grain, shape.Channels - first);
            var reach = shape.Tail;
            for (var t = 0; t < shape.Slots; t++)
            {
                reach = Begins[(nint)row * shape.Slots + t] != 0 ? 0 : Math.Min(shape.Tail, reach + 1);
                var y = Output + ((nint)row * shape.Slots + t) * shape.Channels + first;
                new Span<float>(Bias + first, width).CopyTo(new Span<float>(y, width));
                for (var back = 0; back <= reach; back++)
                {
                    AddProduct<S, V>(Weight + (nint)(shape.Tail - back) * shape.Channels + first, At(row, t - back) + first, y, width);
                }
            }

            KeepTail(row, first, width, reach);
        }
    }

    private float* At(int row, int slot) => slot >= 0 ? Input.At(row, slot) : Tail + ((nint)row * shape.Tail + shape.Tail + slot) * shape.Channels;

    private void KeepTail(int row, int first, int width, int reach)
    {
        for (var back = 0; back < shape.Tail; back++)
        {
            var to = new Span<float>(NextTail + ((nint)row * shape.Tail + shape.Tail - 1 - back) * shape.Channels + first, width);
            if (back <= reach)
            {
                new Span<float>(At(row, shape.Slots - 1 - back) + first, width).CopyTo(to);
            }
            else
            {
                to.Clear();
            }
        }
    }

    /// <summary>y += a ⊙ b.</summary>
    private static void AddProduct<S, V>(float* a, float* b, float* y, int width)
        where S : struct, ISimd<V>
        where V : struct
    {
        var i = 0;
        for (; i <= width - S.Count; i += S.Count)
        {
            S.Store(S.MultiplyAdd(S.Load(a + i), S.Load(b + i), S.Load(y + i)), y + i);
        }

        for (; i < width; i++)
        {
            y[i] += a[i] * b[i];
        }
    }
}
