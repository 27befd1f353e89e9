using Baka.Compiler.Plans;
using Baka.Cpu.Kernels;

namespace Baka.Cpu.Execution;

/// <content>Rows that are chosen, put elsewhere or rolled.</content>
internal sealed unsafe partial class StepBinder
{
    private Action Roll(Graph.Ops.Roll op, Step step)
    {
        var view = step.Inputs[0];
        var (rows, heads, slots, width) = (view.Shape[0], view.Shape[1], view.Shape[2], view.Shape[3]);
        var kernel = _kernels.Get((rows, heads, slots, width, op.Back), () => new Kernels.Roll(rows, heads, slots, width, op.Back));
        var x = Floats(view);
        var strides = ((nint)view.Strides[0], (nint)view.Strides[1], (nint)view.Strides[2]);
        var shift = Ints(step.Inputs[1]);
        var length = Ints(step.Inputs[3]);
        var y = Floats(step.Outputs[0]);
        return () =>
        {
            kernel.Input = x;
            kernel.Strides = strides;
            kernel.Shift = shift;
            kernel.Length = length;
            kernel.Output = y;
            kernel.Run(_team);
        };
    }

    private Action Gather(Step step)
    {
        var (source, width, count) = (step.Inputs[0].Shape[0], step.Inputs[0].Shape[1], step.Inputs[1].Shape[0]);
        var kernel = _kernels.Get((source, width, count), () => new Kernels.GatherRows(source, width, count));
        var x = Rows(step.Inputs[0]);
        var index = Ints(step.Inputs[1]);
        var y = Rows(step.Outputs[0]);
        return () =>
        {
            kernel.Input = x;
            kernel.Index = index;
            kernel.Output = y;
            kernel.Run(_team);
        };
    }

    private Action Scatter(Step step)
    {
        var (target, width, count) = (step.Outputs[0].Shape[0], step.Inputs[0].Shape[1], step.Inputs[1].Shape[0]);
        var kernel = _kernels.Get((target, width, count), () => new Kernels.ScatterRows(target, width, count));
        var dy = Rows(step.Inputs[0]);
        var index = Ints(step.Inputs[1]);
        var dx = Rows(step.Outputs[0]);
        return () =>
        {
            kernel.OutputGradient = dy;
            kernel.Index = index;
            kernel.InputGradient = dx;
            kernel.Run(_team);
        };
    }

    private Action Replace(Step step)
    {
        var (from, to) = (step.Inputs[0], step.Outputs[0]);
        var prepare = Floats(from) != Floats(to) ? Copy(from, to) : null;
        var target = Floats(to);
        var rows = Floats(step.Inputs[1]);
        var index = Ints(step.Inputs[2]);
        var (count, width) = (step.Inputs[1].Shape[0], step.Inputs[1].Shape[1]);
        return () =>
        {
            prepare?.Invoke();
            for (var i = 0; i < count; i++)
            {
                new Span<float>(rows + (long)i * width, width).CopyTo(new Span<float>(target + (long)index[i] * width, width));
            }
        };
    }
}
