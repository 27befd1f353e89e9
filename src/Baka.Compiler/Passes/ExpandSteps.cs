using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>
/// Turns <see cref="StepLinear"/> into matrix products that other passes know. Where the inputs of the outputs do not
/// overlap they are the rows of one matrix. Else each of the n parts of the weight maps every position, together with
/// whatever else maps it, and a shifted sum of the n results follows: the inputs are never repeated in memory. Outputs
/// of many positions stay as they are for a kernel that reads overlapping rows.
/// </summary>
/// <param name="leastOverlapping">Positions from which on a kernel takes inputs that overlap, where its conditions are met.</param>
public sealed class ExpandSteps(long leastOverlapping = long.MaxValue) : IPass
{
    public TensorGraph Run(TensorGraph graph) => !graph.Nodes.Any(n => n.Op is StepLinear or StepLinearBackward) ? graph : graph.Rewrite((target, node, inputs) => node.Op switch
    {
        StepLinear step => [Forward(step, inputs[0], inputs[1])],
        StepLinearBackward step => [.. Backward(step.Forward, step.Wanted, inputs[0], inputs[1], inputs[2])],
        _ => target.Copy(node, inputs),
    });

    private Tensor Forward(StepLinear step, Tensor x, Tensor w)
    {
        var (groups, positions, width) = Sizes(step, x, w);
        if (Rows(step, x) is { } rows)
        {
            var each = positions / rows;
            var y = x.Reshape(groups * rows, w.Shape[1]).Linear(w).Reshape(groups, rows, 1, width);
            return y.Pad(2, each - 1, 0).Reshape(groups, positions, width);
        }

        if (step is { Stride: 1, History: 0 } && groups * positions >= leastOverlapping && x.Shape[2] % 64 == 0 && width % 8 == 0)
        {
            return x.Node.Graph.Add(step, [x, w]);
        }

        var mapped = x.Flatten().Linear(Parts(step, w)).Reshape(groups, step.History + positions, step.Width * width);
        return x.Node.Graph.Add(new StepSum(step.Width, step.Stride, step.History), [mapped]);
    }

    private static IEnumerable<Tensor> Backward(StepLinear step, WantedGradients wanted, Tensor x, Tensor w, Tensor dy)
    {
        var (groups, positions, width) = Sizes(step, x, w);
        if (Rows(step, x) is { } rows)
        {
            var each = positions / rows;
            var last = dy.Reshape(groups, rows, each, width).Slice(2, each - 1, 1).Reshape(groups * rows, width);
            return wanted.Choose(last.MatMul(w).Reshape(x.Shape), last.MatMul(x.Reshape(groups * rows, w.Shape[1]), transposeThis: true));
        }

        var sum = new StepSum(step.Width, step.Stride, step.History);
        var spread = x.Node.Graph.Add(new StepSpread(sum), [dy]).Flatten();
        var dw = spread.MatMul(x.Flatten(), transposeThis: true);
        return wanted.Choose(
            spread.MatMul(Parts(step, w)).Reshape(x.Shape),
            dw.Reshape(step.Width, width, x.Shape[2]).Permute(1, 0, 2).Reshape(w.Shape));
    }

    private static (int Groups, int Positions, int Width) Sizes(StepLinear step, Tensor x, Tensor w) => (x.Shape[0], x.Shape[1] - step.History, w.Shape[0]);

    /// <summary>How many outputs a group has if their inputs lie one after the other, else null.</summary>
    private static int? Rows(StepLinear step, Tensor x)
    {
        if (x.Shape[1] == step.Width && step.History == step.Width - 1)
        {
            return 1;
        }

        return step.Stride == step.Width && step.History == 0 && x.Shape[1] % step.Width == 0 ? x.Shape[1] / step.Width : null;
    }

    /// <summary>W [d_out, n·d] as n maps one above the other [n·d_out, d].</summary>
    private static Tensor Parts(StepLinear step, Tensor w)
    {
        var (width, d) = (w.Shape[0], w.Shape[1] / step.Width);
        return w.Reshape(width, step.Width, d).Permute(1, 0, 2).Reshape(step.Width * width, d);
    }
}
