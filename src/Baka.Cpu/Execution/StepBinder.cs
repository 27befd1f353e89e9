using Baka.Compiler.Fusion;
using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Cpu.Elementwise;
using Baka.Cpu.Gemm;
using Baka.Cpu.Kernels;
using Baka.Cpu.Threading;
using Baka.Graph;
using Baka.Graph.Ops;
using GraphAttention = Baka.Graph.Ops.Attention;

namespace Baka.Cpu.Execution;

/// <summary>Finds the kernel for each step of a plan and binds it to the addresses of its operands.</summary>
internal sealed unsafe partial class StepBinder(CpuProgram program, CpuDevice device, int group)
{
    private readonly ThreadTeam _team = device.Team;
    private readonly KernelCache _kernels = device.Kernels;

    /// <summary>The step as something to call.</summary>
    public Action Bind(Step step) => step.Op switch
    {
        FusedElementwise op => Elementwise(op, step),
        MatMul op => Product(op, step, null),
        MatMulAdd op => Product(op.Product, step, step.Inputs[2]),
        BatchMatMul op => BatchProduct(op, step, null),
        BatchMatMulAdd op => BatchProduct(op.Product, step, step.Inputs[2]),
        Graph.Ops.Roll op => Roll(op, step),
        Compiler.Plans.Copy => Copy(step.Inputs[0], step.Outputs[0]),
        GraphAttention op => Attention(op, step),
        Graph.Ops.AttentionBackward op => AttentionGradient(op, step),
        Norm op => Norm(op, step),
        Graph.Ops.NormBackward op => NormGradient(op, step),
        Graph.Ops.LinearCrossEntropy => CrossEntropy(step),
        LinearCrossEntropyGradient op => CrossEntropyGradient(op, step),
        Graph.Ops.GatherRows => Gather(step),
        Graph.Ops.ScatterRows => Scatter(step),
        ReplaceRows => Replace(step),
        StepLinear op => StepLinear(op, step),
        StepLinearBackward op => StepLinearGradient(op, step),
        DepthwiseConvolution => Convolution(step),
        DepthwiseConvolutionBackward op => ConvolutionGradient(op, step),
        Scan op => Scan(op, step),
        Graph.Ops.ScanBackward op => ScanGradient(op, step),
        Sum op => Sum(op, step),
        Graph.Ops.SumOfSquares => SumOfSquares(step),
        ConvertToFloat => Convert(step),
        _ => throw new NotSupportedException($"{step.Module}: the CPU has no kernel for {step.Op.Kind}."),
    };

    private nint Address(View view) => program.Address(view, group);

    private float* Floats(View view) => (float*)Address(view);

    private int* Ints(View view) => (int*)Address(view);

    /// <summary>A matrix or a batch of matrices whose rows are contiguous.</summary>
    private Rows Rows(View view) => view.Shape.Rank == 2
        ? new Rows(Floats(view), (nint)view.Strides[0])
        : new Rows(Floats(view), (nint)view.Strides[1], (nint)view.Strides[0]);

    private Matrix Matrix(View view) => new(Floats(view), (nint)view.Strides[0], (nint)view.Strides[1]);

    private Action Elementwise(FusedElementwise op, Step step)
    {
        View[] operands = [.. step.Inputs, .. step.Outputs];
        var kernel = new FusedKernel(op, new ElementwiseLoops(operands), [.. operands.Select(Address)], _team.Size);
        return () => kernel.Run(_team);
    }

    private Action Copy(View from, View to)
    {
        var kernel = _kernels.Get(
            (Key(from.Shape.Extents), Key(from.Strides), Key(to.Strides)),
            () => new CopyKernel(from.Shape.Extents, [.. from.Strides], [.. to.Strides]));
        var source = Floats(from);
        var target = Floats(to);
        return () =>
        {
            kernel.Input = source;
            kernel.Output = target;
            kernel.Run(_team);
        };
    }

    private static string Key(ReadOnlySpan<int> numbers) => string.Join(",", numbers.ToArray());

    private static string Key(IEnumerable<long> numbers) => string.Join(",", numbers);

    private Action Sum(Sum op, Step step)
    {
        var shape = step.Inputs[0].Shape;
        var (firstAxis, lastAxis) = (op.Axes[0], op.Axes[^1]);
        var (outer, reduced, inner) = (shape.Product(0, firstAxis), shape.Product(firstAxis, lastAxis + 1), shape.Product(lastAxis + 1, shape.Rank));
        var kernel = _kernels.Get((outer, reduced, inner), () => new SumKernel(outer, reduced, inner, _kernels.Workers));
        var x = Floats(step.Inputs[0]);
        var y = Floats(step.Outputs[0]);
        return () =>
        {
            kernel.Input = x;
            kernel.Output = y;
            kernel.Run(_team);
        };
    }

    private Action SumOfSquares(Step step)
    {
        var kernel = _kernels.Get(0, () => new Kernels.SumOfSquares(_kernels.Workers));
        (nint, long)[] inputs = [.. step.Inputs.Select(i => (Address(i), i.Shape.Count))];
        var output = Floats(step.Outputs[0]);
        return () =>
        {
            kernel.Inputs = inputs;
            kernel.Output = output;
            kernel.Run(_team);
        };
    }

    private Action Convert(Step step)
    {
        var from = Ints(step.Inputs[0]);
        var to = Floats(step.Outputs[0]);
        var count = step.Outputs[0].Shape.Count;
        return () =>
        {
            for (var i = 0L; i < count; i++)
            {
                to[i] = from[i];
            }
        };
    }
}
