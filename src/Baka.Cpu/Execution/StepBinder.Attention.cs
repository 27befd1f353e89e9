using Baka.Compiler.Plans;
using Baka.Cpu.Kernels;
using GraphAttention = Baka.Graph.Ops.Attention;

namespace Baka.Cpu.Execution;

/// <content>Attention and its gradient.</content>
internal sealed unsafe partial class StepBinder
{
    private static AttentionShape Shape(GraphAttention op, Step step)
    {
        var v = step.Inputs[2].Shape;
        var past = step.Inputs.Count is 8 or 11 ? step.Inputs[6].Shape[1] : 0;
        return new AttentionShape(v[0], op.Windows, v[1] / op.Windows, op.Heads, v[2] / op.Heads, past);
    }

    private RopeTable? Rope(GraphAttention op, AttentionShape shape) =>
        op.Theta == 0 ? null : _kernels.Rope(shape.Keys, shape.HeadWidth, op.Theta);

    private Action<AttentionKernel> AttentionInputs(AttentionShape shape, Step step)
    {
        var (q, k, v) = (Heads(step.Inputs[0], shape), Heads(step.Inputs[1], shape), Heads(step.Inputs[2], shape));
        var first = Ints(step.Inputs[3]);
        var last = Ints(step.Inputs[4]);
        var position = Ints(step.Inputs[5]);
        var (pastKey, pastValue) = shape.Past > 0 ? (Heads(step.Inputs[6], shape), Heads(step.Inputs[7], shape)) : default;
        return kernel =>
        {
            kernel.Query = q;
            kernel.Key = k;
            kernel.Value = v;
            kernel.PastKey = pastKey;
            kernel.PastValue = pastValue;
            kernel.First = first;
            kernel.Last = last;
            kernel.QueryPosition = position;
        };
    }

    /// <summary>Rows of heads side by side, or of one that all share.</summary>
    private Rows Heads(View view, AttentionShape shape) =>
        new(Floats(view), (nint)view.Strides[1], (nint)view.Strides[0], view.Shape[2] == shape.HeadWidth ? 0 : shape.HeadWidth);

    private Action Attention(GraphAttention op, Step step)
    {
        var shape = Shape(op, step);
        var kernel = _kernels.Get((shape, op.Theta), () => new AttentionForward(shape, Rope(op, shape), _kernels.Workers));
        var bind = AttentionInputs(shape, step);
        var output = Heads(step.Outputs[0], shape);
        var logSumExp = Floats(step.Outputs[1]);
        return () =>
        {
            bind(kernel);
            kernel.Output = output;
            kernel.LogSumExp = logSumExp;
            kernel.Run(_team);
        };
    }

    private Action AttentionGradient(Graph.Ops.AttentionBackward op, Step step)
    {
        var shape = Shape(op.Forward, step);
        var detach = op.Forward.DetachPast;
        var kernel = _kernels.Get((shape, op.Forward.Theta, detach), () => new Kernels.AttentionBackward(shape, Rope(op.Forward, shape), _kernels.Workers, detach));
        var bind = AttentionInputs(shape, step);
        var n = step.Inputs.Count;
        var output = Heads(step.Inputs[n - 3], shape);
        var logSumExp = Floats(step.Inputs[n - 2]);
        var upstream = Heads(step.Inputs[n - 1], shape);
        var (dq, dk, dv) = (Heads(step.Outputs[0], shape), Heads(step.Outputs[1], shape), Heads(step.Outputs[2], shape));
        var (dPastKey, dPastValue) = op.PastGradient ? (Heads(step.Outputs[3], shape), Heads(step.Outputs[4], shape)) : default;
        return () =>
        {
            bind(kernel);
            kernel.Output = output;
            kernel.LogSumExp = logSumExp;
            kernel.OutputGradient = upstream;
            kernel.QueryGradient = dq;
            kernel.KeyGradient = dk;
            kernel.ValueGradient = dv;
            kernel.PastKeyGradient = dPastKey;
            kernel.PastValueGradient = dPastValue;
            kernel.Run(_team);
        };
    }
}
