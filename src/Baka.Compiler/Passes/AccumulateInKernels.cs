using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>
/// c + gradient, where nothing else reads the gradient, by the kernel that makes it: to a variable cross-entropy and
/// scattered rows add themselves, and a norm adds to the gradient that goes past it.
/// </summary>
public sealed class AccumulateInKernels : IPass
{
    public TensorGraph Run(TensorGraph graph)
    {
        var readers = graph.CountReaders();
        var replacements = new Dictionary<Tensor, Tensor>();
        foreach (var sum in graph.Nodes.Where(n => n.Op is Binary { Function: BinaryFunction.Add }).ToArray())
        {
            for (var i = 0; i < 2; i++)
            {
                var (gradient, addend) = (sum.Inputs[i], sum.Inputs[1 - i]);
                if (gradient.IsReadOnce(readers) && Adding(gradient.BehindReshapes(), addend) is { } op)
                {
                    Replace(graph, sum, gradient.BehindReshapes().Node, op, addend, replacements);
                    break;
                }
            }
        }

        return replacements.Count == 0 ? graph : graph.Substitute(replacements);
    }

    private static Op? Adding(Tensor gradient, Tensor addend) => gradient.Node.Op switch
    {
        ScatterRows scatter when addend.Node.Op is Variable => new ScatterRowsAdd(scatter),
        LinearCrossEntropyGradient op when gradient.Index == op.WeightAt && addend.Node.Op is Variable => new LinearCrossEntropyGradientAdd(op),
        NormBackward norm when gradient.Index == 0 => new NormBackwardAdd(norm),
        _ => null,
    };

    private static void Replace(TensorGraph graph, Node sum, Node gradient, Op op, Tensor addend, Dictionary<Tensor, Tensor> replacements)
    {
        using var scope = graph.Backward(gradient.Module);
        var place = ((AddingOp)op).Sum;
        var adding = graph.AddNode(op, [.. gradient.Inputs, addend.Reshape(gradient.Outputs[place].Shape)]);
        foreach (var output in adding.Outputs.Where(o => o.Index != place))
        {
            replacements[gradient.Outputs[output.Index]] = output;
        }

        replacements[sum.Outputs[0]] = adding.Outputs[place].Reshape(sum.Outputs[0].Shape);
    }
}
