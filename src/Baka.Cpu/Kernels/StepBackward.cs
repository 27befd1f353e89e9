using Baka.Cpu.Gemm;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>
/// The gradient of <see cref="StepForward"/>. Only the rows of dy whose y was computed count. Either gradient may be null when not wanted.
/// </summary>
public sealed unsafe class StepBackward : Kernel
{
    private readonly StepForwardShape _shape;
    private readonly float* _masked;

    public StepBackward(StepForwardShape shape)
    {
        _shape = shape;

        // Without history the rows of all groups have one spacing. With zeros for the rows whose input would cross a
        // border, all groups are one: few large products instead of many small ones.
        if (shape.Groups > 1 && shape.History == 0 && shape.Length % shape.Stride == 0)
        {
            _masked = Allocate((long)shape.Groups * shape.Length * shape.OutputWidth);
        }
    }

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
        if (_masked != null)
        {
            AddGroup(team, _shape with { Groups = 1, Length = _shape.Groups * _shape.Length }, _masked, 0);
            return;
        }

        for (var group = 0; group < _shape.Groups; group++)
        {
            AddGroup(team, _shape, OutputGradient, group);
        }
    }

    /// <summary>Clears what the products only add to, and copies dy where it has to be masked.</summary>
    private protected override void Execute<S, V>(int worker, int workers)
    {
        if (InputGradient != null)
        {
            Clear(InputGradient, _shape.Groups * _shape.InputRows, _shape.InputWidth, worker, workers);
        }

        if (WeightGradient != null && _shape.Count == 0)
        {
            Clear(WeightGradient, _shape.OutputWidth, _shape.UnfoldedWidth, worker, workers);
        }

        if (_masked != null)
        {
            Mask(worker, workers);
        }
    }

    private void Mask(int worker, int workers)
    {
        var width = _shape.OutputWidth;
        var (start, end) = ThreadTeam.Share(_shape.Groups * _shape.Length, worker, workers);
        for (var row = start; row < end; row++)
        {
            var to = new Span<float>(_masked + (nint)row * width, width);
            if (_shape.Reaches(row % _shape.Length))
            {
                new Span<float>(OutputGradient + (nint)row * width, width).CopyTo(to);
            }
            else
            {
                to.Clear();
            }
        }
    }

    private void AddGroup(ThreadTeam team, StepForwardShape part, float* outputGradient, int group)
    {
        // Where no group reaches far enough, neither does what crosses their borders count.
        if (_shape.Count == 0)
        {
            return;
        }

        var dy = new Matrix(outputGradient + ((nint)group * part.Length + part.FirstPosition) * part.OutputWidth, (nint)part.Stride * part.OutputWidth, 1);
        var oldest = ((nint)group * part.InputRows + part.OldestRow) * part.InputWidth;
        if (InputGradient != null)
        {
            AddInputGradient(team, part, dy, oldest);
        }

        if (WeightGradient != null)
        {
            var unfolded = new Matrix(Input + oldest, (nint)part.Stride * part.InputWidth, 1);
            var gradient = new Matrix(WeightGradient, part.UnfoldedWidth, 1);
            Sgemm.Multiply(team, part.OutputWidth, part.UnfoldedWidth, part.Count, dy.Transposed, unfolded, gradient, accumulate: group > 0);
        }
    }

    /// <summary>The unfolded rows overlap in dx, so each of the n positions adds by a product of its own.</summary>
    private void AddInputGradient(ThreadTeam team, StepForwardShape part, Matrix dy, nint oldest)
    {
        for (var step = 0; step < part.Steps; step++)
        {
            Sgemm.Multiply(
                team,
                part.Count,
                part.InputWidth,
                part.OutputWidth,
                dy,
                new Matrix(Weight + (nint)step * part.InputWidth, part.UnfoldedWidth, 1),
                new Matrix(InputGradient + oldest + (nint)step * part.InputWidth, (nint)part.Stride * part.InputWidth, 1),
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
