using Baka.Compiler.Plans;
using Baka.Cpu.Kernels;
using GraphAttention = Baka.Graph.Ops.Attention;

namespace Baka.Cpu.Execution;

/// <content>Attention and its gradient.</content>
internal sealed unsafe partial class StepBinder
{
    private static AttentionShape Shape(GraphAttention op, Step step)
    {
        var q = step.Inputs[0].Shape;
        var past = step.Inputs.Count is 8 or 11 ? step.Inputs[6].Shape[1] : 0;
        return new AttentionShape(q[0], op.Windows, q[1] / op.Windows, op.Heads, q[2] / op.Heads, past);
    }

    private RopeTable? Rope(GraphAttention op, AttentionShape shape) =>
        op.Theta == 0 ? null : _kernels.Rope(shape.Keys, shape.HeadWidth, op.Theta);

    private Action<AttentionKernel> AttentionInputs(AttentionShape shape, Step step)
    {
        var (q, k, v) = (Rows(step.Inputs[0]), Rows(step.Inputs[1]), Rows(step.Inputs[2]));
        var first = Ints(step.Inputs[3]);
        var last = Ints(step.Inputs[4]);
        var position = Ints(step.Inputs[5]);
        var (pastKey, pastValue) = shape.Past > 0 ? (Rows(step.Inputs[6]), Rows(step.Inputs[7])) : default;
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

    private Action Attention(GraphAttention op, Step step)
    {
        var shape = Shape(op, step);
        var kernel = _kernels.Get((shape, op.Theta), () => new AttentionForward(shape, Rope(op, shape), _kernels.Workers));
        var bind = AttentionInputs(shape, step);
        var output = Rows(step.Outputs[0]);
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
        var output = Rows(step.Inputs[n - 3]);
        var logSumExp = Floats(step.Inputs[n - 2]);
        var upstream = Rows(step.Inputs[n - 1]);
        var (dq, dk, dv) = (Rows(step.Outputs[0]), Rows(step.Outputs[1]), Rows(step.Outputs[2]));
        var (dPastKey, dPastValue) = op.PastGradient ? (Rows(step.Outputs[3]), Rows(step.Outputs[4])) : default;
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
