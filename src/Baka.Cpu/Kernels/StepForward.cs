using Baka.Cpu.Gemm;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>
/// y_t = W [x_{t−n+1}; …; x_t] within each group, 0 where the positions don't reach far enough back or the stride passes over.
/// The unfolded input is an overlapping view of x: nothing is copied.
/// </summary>
public sealed unsafe class StepForward(StepForwardShape shape) : Kernel
{
    /// <summary>x: [G, History + T, d], contiguous.</summary>
    public float* Input { get; set; }

    /// <summary>W: [d_out, n·d].</summary>
    public float* Weight { get; set; }

    /// <summary>y: [G, T, d_out], contiguous.</summary>
    public float* Output { get; set; }

    public override void Run(ThreadTeam team)
    {
        // Without history the rows of all groups have one spacing: a single product, whose rows across a border are cleared afterwards.
        if (shape.History == 0 && shape.Length % shape.Stride == 0)
        {
            Multiply(team, shape with { Groups = 1, Length = shape.Groups * shape.Length }, 0);
        }
        else
        {
            for (var group = 0; group < shape.Groups; group++)
            {
                Multiply(team, shape, group);
            }
        }

        base.Run(team);
    }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(shape.Groups * shape.Length, worker, workers);
        for (var row = start; row < end; row++)
        {
            if (!shape.Reaches(row % shape.Length))
            {
                new Span<float>(Output + (nint)row * shape.OutputWidth, shape.OutputWidth).Clear();
            }
        }
    }

    private void Multiply(ThreadTeam team, StepForwardShape part, int group)
    {
        if (part.Count == 0)
        {
            return;
        }

        var input = Input + ((nint)group * part.InputRows + part.OldestRow) * part.InputWidth;
        var output = Output + ((nint)group * part.Length + part.FirstPosition) * part.OutputWidth;
        Sgemm.Multiply(
            team,
            part.Count,
            part.OutputWidth,
            part.UnfoldedWidth,
            new Matrix(input, (nint)part.Stride * part.InputWidth, 1),
            new Matrix(Weight, part.UnfoldedWidth, 1).Transposed,
            new Matrix(output, (nint)part.Stride * part.OutputWidth, 1));
    }
}
