using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>
/// RMSNorm (arXiv 1910.07467) y = w ⊙ x / √(mean(x²) + ε), or with <c>centered</c> LayerNorm without bias
/// (arXiv 1607.06450): the mean is subtracted first.
/// </summary>
public sealed unsafe class NormForward(int batches, int rows, int width, bool centered) : Kernel
{
    internal const float Epsilon = 1e-6f;

    /// <summary>x: [batches, rows, width].</summary>
    public Rows Input { get; set; }

    /// <summary>w: [width], or null for no weight.</summary>
    public float* Weight { get; set; }

    /// <summary>y: [batches, rows, width]; may be x itself.</summary>
    public Rows Output { get; set; }

    /// <summary>[batches · rows, 2]: mean (0 when not centered) and 1 / √(variance + ε).</summary>
    public float* Statistics { get; set; }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(batches * rows, worker, workers);
        for (var row = start; row < end; row++)
        {
            var (batch, inBatch) = Math.DivRem(row, rows);
            var x = Input.At(batch, inBatch);
            var mean = centered ? Simd<S, V>.Sum(x, width) / width : 0f;
            var scale = 1f / MathF.Sqrt(SumOfSquares<S, V>(x, mean) / width + Epsilon);
            Statistics[2 * row] = mean;
            Statistics[2 * row + 1] = scale;
            Normalize<S, V>(x, mean, scale, Output.At(batch, inBatch));
        }
    }

    private float SumOfSquares<S, V>(float* x, float mean)
        where S : struct, ISimd<V>
        where V : struct
    {
        var shift = S.Create(mean);
        var total = S.Create(0);
        var i = 0;
        for (; i <= width - S.Count; i += S.Count)
        {
            var difference = S.Subtract(S.Load(x + i), shift);
            total = S.MultiplyAdd(difference, difference, total);
        }

        var sum = S.Sum(total);
        for (; i < width; i++)
        {
            sum += (x[i] - mean) * (x[i] - mean);
        }

        return sum;
    }

    private void Normalize<S, V>(float* x, float mean, float scale, float* y)
        where S : struct, ISimd<V>
        where V : struct
    {
        var m = S.Create(mean);
        var s = S.Create(scale);
        var i = 0;
        for (; i <= width - S.Count; i += S.Count)
        {
            var normal = S.Multiply(S.Subtract(S.Load(x + i), m), s);
            S.Store(Weight == null ? normal : S.Multiply(normal, S.Load(Weight + i)), y + i);
        }

        for (; i < width; i++)
        {
            y[i] = (x[i] - mean) * scale * (Weight == null ? 1f : Weight[i]);
        }
    }
}
