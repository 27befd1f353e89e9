using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>
/// variable + gradient, where the gradient is made by scattering rows or by cross-entropy and nothing else reads it:
/// the kernel adds to the variable itself.
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
                var (gradient, variable) = (sum.Inputs[i], sum.Inputs[1 - i]);
                if (variable.Node.Op is Variable && readers[gradient] == 1 && Adding(gradient) is { } op)
                {
                    Replace(graph, sum, gradient.Node, op, variable, replacements);
                    break;
                }
            }
        }

        return replacements.Count == 0 ? graph : graph.Substitute(replacements);
    }

    private static Op? Adding(Tensor gradient) => gradient.Node.Op switch
    {
        ScatterRows scatter => new ScatterRowsAdd(scatter),
        LinearCrossEntropyGradient op when gradient.Index == op.WeightAt => new LinearCrossEntropyGradientAdd(op),
        _ => null,
    };

    private static void Replace(TensorGraph graph, Node sum, Node gradient, Op op, Tensor variable, Dictionary<Tensor, Tensor> replacements)
    {
        using var scope = graph.Backward(gradient.Module);
        var adding = graph.AddNode(op, [.. gradient.Inputs, variable]);
        for (var i = 0; i < adding.Outputs.Count; i++)
        {
            replacements[i == ((IAddsToOperand)op).Sum ? sum.Outputs[0] : gradient.Outputs[i]] = adding.Outputs[i];
        }
    }
}
