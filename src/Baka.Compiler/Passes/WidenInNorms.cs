using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>
/// What comes from a narrower layer is widened by the first norm that reads it, and the gradient of a norm writes only what
/// goes back to such a layer: neither is copied.
/// </summary>
public sealed class WidenInNorms : IPass
{
    public TensorGraph Run(TensorGraph graph)
    {
        var readers = graph.CountReaders();
        var replacements = new Dictionary<Tensor, Tensor>();
        foreach (var norm in graph.Nodes.Where(n => n.Op is Norm).ToArray())
        {
            var padded = norm.Inputs[0].BehindReshapes();
            if (HasPaddedHeads(padded, norm) && !replacements.ContainsKey(padded))
            {
                Widen(graph, norm, padded, replacements);
            }
        }

        foreach (var slice in graph.Nodes.Where(n => n.Op is Slice).ToArray())
        {
            var gradient = slice.Inputs[0].BehindReshapes();
            if (IsOfHeads(slice, gradient) && slice.Inputs[0].IsReadOnce(readers))
            {
                Narrow(graph, slice, gradient.Node, replacements);
            }
        }

        return replacements.Count == 0 ? graph : graph.Substitute(replacements);
    }

    /// <summary>Whether zeros end all heads of the rows that a norm reads.</summary>
    private static bool HasPaddedHeads(Tensor padded, Node norm) =>
        padded.Node.Op is Pad { Before: 0 } pad && pad.Axis == padded.Shape.Rank - 1 && norm.Inputs[0].Shape[1] % padded.Shape[-1] == 0 && norm.Inputs[1].IsWeight();

    /// <summary>Whether a slice is the first values of all heads of the rows that the gradient of a norm makes.</summary>
    private static bool IsOfHeads(Node slice, Tensor gradient) =>
        gradient is { Node.Op: NormBackward or NormBackwardAdd, Index: 0 } && slice.Op is Slice { Start: 0, Axis: var axis }
        && axis == slice.Inputs[0].Shape.Rank - 1 && gradient.Shape[1] % slice.Inputs[0].Shape[axis] == 0;

    private static void Widen(TensorGraph graph, Node norm, Tensor padded, Dictionary<Tensor, Tensor> replacements)
    {
        using var scope = graph.Scope(norm.Module);
        var (rows, heads, narrow) = (norm.Inputs[0].Shape[0], norm.Inputs[0].Shape[1] / padded.Shape[-1], padded.Node.Inputs[0]);
        var widening = graph.AddNode(new WideningNorm((Norm)norm.Op, heads), [narrow.Reshape(rows, heads * narrow.Shape[-1]), norm.Inputs[1]]);
        replacements[norm.Outputs[0]] = widening.Outputs[0];
        replacements[norm.Outputs[1]] = widening.Outputs[1];
        replacements[padded] = widening.Outputs[WideningNorm.Widened].Reshape(padded.Shape);
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
