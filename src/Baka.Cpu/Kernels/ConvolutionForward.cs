using Baka.Cpu.Elementwise;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>y_t = SiLU(bias + Σ_j w_j ⊙ x_{t−k+1+j}); inputs before a beginning count as 0. Rows and channels are shared among the workers.</summary>
public sealed unsafe class ConvolutionForward(ConvolutionShape shape) : ConvolutionKernel(shape)
{
    /// <summary>y: [B, T, c].</summary>
    public float* Output { get; set; }

    /// <summary>[B, k − 1, c]: after the last slot.</summary>
    public float* NextTail { get; set; }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(Shape.Rows * Shape.Groups, worker, workers);
        for (var item = start; item < end; item++)
        {
            var (row, group) = Math.DivRem(item, Shape.Groups);
            var first = group * ConvolutionShape.Grain;
            var width = Math.Min(ConvolutionShape.Grain, Shape.Channels - first);
            var reach = Shape.Tail;
            for (var t = 0; t < Shape.Slots; t++)
            {
                reach = Reach(row, t, reach);
                var y = Output + ((nint)row * Shape.Slots + t) * Shape.Channels + first;
                Sum<S, V>(row, t, reach, first, width, y);
                Activate<S, V>(y, width);
            }

            KeepTail(row, first, width, reach);
        }
    }

    private void KeepTail(int row, int first, int width, int reach)
    {
        for (var back = 0; back < Shape.Tail; back++)
        {
            var to = new Span<float>(NextTail + TailRow(row, -1 - back) + first, width);
            if (back <= reach)
            {
                new Span<float>(At(row, Shape.Slots - 1 - back) + first, width).CopyTo(to);
            }
            else
            {
                to.Clear();
            }
        }
    }

    /// <summary>y ← SiLU(y).</summary>
    private static void Activate<S, V>(float* y, int width)
        where S : struct, ISimd<V>
        where V : struct
    {
        var i = 0;
        for (; i <= width - S.Count; i += S.Count)
        {
            var sum = S.Load(y + i);
            S.Store(S.Multiply(sum, VectorFunctions<S, V>.Sigmoid(sum)), y + i);
        }

        for (; i < width; i++)
        {
            y[i] /= 1 + MathF.Exp(-y[i]);
        }
    }
}
