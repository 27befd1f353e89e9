using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>
/// What comes from a narrower layer is widened by the first norm that reads it, and the gradient of a norm writes only what
/// goes on into the narrower layer: neither is copied.
/// </summary>
public sealed class WidenInNorms : IPass
{
    public TensorGraph Run(TensorGraph graph)
    {
        var readers = graph.CountReaders();
        var replacements = new Dictionary<Tensor, Tensor>();
        foreach (var node in graph.Nodes.ToArray())
        {
            if (node.Op is Norm && node.Inputs[1].IsWeight() && node.Inputs[0].BehindReshapes() is var widened && IsWidened(widened, node.Inputs[0].Shape[1]) && !replacements.ContainsKey(widened))
            {
                Widen(graph, node, widened, replacements);
            }
            else if (node.Op is Slice { Start: 0 } && node.Inputs[0].BehindReshapes() is var gradient && IsNarrowed(node, gradient) && IsReadOnce(node.Inputs[0], readers))
            {
                Narrow(graph, node, gradient.Node, replacements);
            }
        }

        return replacements.Count == 0 ? graph : graph.Substitute(replacements);
    }

    /// <summary>Whether zeros end all heads of rows.</summary>
    private static bool IsWidened(Tensor x, int width) => x.Node.Op is Pad { Before: 0 } pad && pad.Axis == x.Shape.Rank - 1 && width % x.Shape[-1] == 0;

    /// <summary>Whether a slice is the first values of all heads of the rows that the gradient of a norm makes.</summary>
    private static bool IsNarrowed(Node slice, Tensor gradient)
    {
        var heads = slice.Inputs[0].Shape;
        return gradient is { Node.Op: NormBackward or NormBackwardAdd, Index: 0 } && ((Slice)slice.Op).Axis == heads.Rank - 1 && gradient.Shape[1] % heads[-1] == 0;
    }

    /// <summary>Whether nobody else reads what lies behind reshapes either.</summary>
    private static bool IsReadOnce(Tensor tensor, Dictionary<Tensor, int> readers) =>
        readers[tensor] == 1 && (tensor.Node.Op is not Reshape || IsReadOnce(tensor.Node.Inputs[0], readers));

    private static void Widen(TensorGraph graph, Node norm, Tensor widened, Dictionary<Tensor, Tensor> replacements)
    {
        using var scope = graph.Scope(norm.Module);
        var (rows, heads) = (norm.Inputs[0].Shape[0], norm.Inputs[0].Shape[1] / widened.Shape[-1]);
        var narrow = widened.Node.Inputs[0];
        var widening = graph.AddNode(new WideningNorm((Norm)norm.Op, heads), [narrow.Reshape(rows, heads * narrow.Shape[-1]), norm.Inputs[1]]);
        replacements[norm.Outputs[0]] = widening.Outputs[0];
        replacements[norm.Outputs[1]] = widening.Outputs[1];
        replacements[widened] = widening.Outputs[WideningNorm.Widened].Reshape(widened.Shape);
    }

    private static void Narrow(TensorGraph graph, Node slice, Node gradient, Dictionary<Tensor, Tensor> replacements)
    {
        using var scope = graph.Backward(gradient.Module);
        var heads = gradient.Outputs[0].Shape[1] / slice.Inputs[0].Shape[-1];
        var narrowing = graph.AddNode(new NarrowingNormBackward(gradient.Op, heads, heads * slice.Outputs[0].Shape[-1]), gradient.Inputs);
        replacements[slice.Outputs[0]] = narrowing.Outputs[0].Reshape(slice.Outputs[0].Shape);
        foreach (var output in gradient.Outputs.Skip(1))
        {
            replacements[output] = narrowing.Outputs[output.Index];
        }
    }
}
