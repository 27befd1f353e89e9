using Baka.Cpu.Gemm;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>
/// The gradient of <see cref="StepForward"/>. Only the rows of dy whose y was computed are read. Either gradient may be null when not wanted.
/// </summary>
public sealed unsafe class StepBackward(StepForwardShape shape) : Kernel
{
    /// <summary>x: [G, History + T, d], contiguous.</summary>
    public float* Input { get; set; }

    /// <summary>W: [d_out, n·d].</summary>
    public float* Weight { get; set; }

    /// <summary>dy: [G, T, d_out], contiguous.</summary>
    public float* OutputGradient { get; set; }

    /// <summary>dx: [G, History + T, d], overwritten; or null.</summary>
    public float* InputGradient { get; set; }

    /// <summary>dW: [d_out, n·d], overwritten; or null.</summary>
    public float* WeightGradient { get; set; }

    public override void Run(ThreadTeam team)
    {
        base.Run(team);
        for (var group = 0; group < shape.Groups && shape.Count > 0; group++)
        {
            var dy = new Matrix(
                OutputGradient + ((nint)group * shape.Length + shape.FirstPosition) * shape.OutputWidth, (nint)shape.Stride * shape.OutputWidth, 1);
            var oldest = ((nint)group * shape.InputRows + shape.OldestRow) * shape.InputWidth;
            if (InputGradient != null)
            {
                AddInputGradient(team, dy, oldest);
            }

            if (WeightGradient != null)
            {
                var unfolded = new Matrix(Input + oldest, (nint)shape.Stride * shape.InputWidth, 1);
                var gradient = new Matrix(WeightGradient, shape.UnfoldedWidth, 1);
                Sgemm.Multiply(team, shape.OutputWidth, shape.UnfoldedWidth, shape.Count, dy.Transposed, unfolded, gradient, accumulate: group > 0);
            }
        }
    }

    /// <summary>Clears what the products only add to.</summary>
    private protected override void Execute<S, V>(int worker, int workers)
    {
        if (InputGradient != null)
        {
            Clear(InputGradient, shape.Groups * shape.InputRows, shape.InputWidth, worker, workers);
        }

        if (WeightGradient != null && shape.Count == 0)
        {
            Clear(WeightGradient, shape.OutputWidth, shape.UnfoldedWidth, worker, workers);
        }
    }

    /// <summary>The unfolded rows overlap in dx, so each of the n positions adds by a product of its own.</summary>
    private void AddInputGradient(ThreadTeam team, Matrix dy, nint oldest)
    {
        for (var step = 0; step < shape.Steps; step++)
        {
            Sgemm.Multiply(
                team,
                shape.Count,
                shape.InputWidth,
                shape.OutputWidth,
                dy,
                new Matrix(Weight + (nint)step * shape.InputWidth, shape.UnfoldedWidth, 1),
                new Matrix(InputGradient + oldest + (nint)step * shape.InputWidth, (nint)shape.Stride * shape.InputWidth, 1),
                accumulate: true);
        }
    }

    private static void Clear(float* data, int rows, int width, int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(rows, worker, workers);
        for (var row = start; row < end; row++)
        {
            new Span<float>(data + (nint)row * width, width).Clear();
        }
    }
}
