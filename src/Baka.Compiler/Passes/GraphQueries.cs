using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>Questions that several passes ask of a graph.</summary>
internal static class GraphQueries
{
    /// <summary>How many live nodes and results read each tensor.</summary>
    public static Dictionary<Tensor, int> CountReaders(this TensorGraph graph)
    {
        var count = new Dictionary<Tensor, int>();
        foreach (var tensor in graph.LiveNodes().SelectMany(n => n.Inputs).Concat(graph.Results))
        {
            count[tensor] = count.GetValueOrDefault(tensor) + 1;
        }

        return count;
    }

    /// <summary>Whether a tensor, and what lies behind its reshapes, has a single reader.</summary>
    /// <param name="readers">What <see cref="CountReaders"/> found.</param>
    public static bool IsReadOnce(this Tensor tensor, Dictionary<Tensor, int> readers) =>
        readers[tensor] == 1 && (tensor.Node.Op is not Reshape || tensor.Node.Inputs[0].IsReadOnce(readers));

    /// <summary>The value of a tensor whose elements are all the same and known.</summary>
    public static bool IsConstant(this Tensor tensor, out float value)
    {
        while (tensor.Node.Op is Reshape or Broadcast)
        {
            tensor = tensor.Node.Inputs[0];
        }

        value = tensor.Node.Op is Constant constant ? constant.Value : 0;
        return tensor.Node.Op is Constant;
    }

    /// <summary>Whether a tensor is parameters and nothing else, joined, cut or turned.</summary>
    public static bool IsWeight(this Tensor tensor) => tensor.Node.Op switch
    {
        Variable variable => variable.VariableKind == VariableKind.Parameter,
        Reshape or Permute or Slice or Concat => tensor.Node.Inputs.All(IsWeight),
        _ => false,
    };

    /// <summary>
    /// The place of a weight among those side by side, the same in the forward and the backward pass: variables, the
    /// lowest first, so that pairs of high ones that stay for themselves do not part the others, and as they were
    /// declared; then what is made of variables.
    /// </summary>
    public static (bool IsMade, int Rows, int Declaration) WeightOrder(this Tensor weight)
    {
        var variable = weight;
        while (variable.Node.Inputs.Count > 0)
        {
            variable = variable.Node.Inputs[0];
        }

        return (weight.Node.Op is not Variable, weight.Shape[0], variable.Node.Id);
    }

    /// <summary>
    /// The variable that a tensor is, or null. A sum of gradients may have its axes in another order: nobody outside
    /// knows how it lies in memory.
    /// </summary>
    public static Variable? StoredVariable(this Tensor tensor)
    {
        var source = tensor.BehindReshapes();
        source = source.Node.Op is Permute ? source.Node.Inputs[0].BehindReshapes() : source;
        return source.Node.Op is Variable variable && (source == tensor || variable.VariableKind == VariableKind.State) ? variable : null;
    }

    /// <summary>Whether variables stand one above the other.</summary>
    public static bool IsJoinOfVariables(this Node node) => node.Op is Concat { Axis: 0 } && node.Inputs.All(i => i.StoredVariable() is not null);

    /// <summary>The tensor behind reshapes.</summary>
    public static Tensor BehindReshapes(this Tensor tensor)
    {
        while (tensor.Node.Op is Reshape)
        {
            tensor = tensor.Node.Inputs[0];
        }

        return tensor;
    }
}
