namespace Baka.Graph;

/// <summary>Reverse-mode differentiation: the gradient of a graph is more of the same graph.</summary>
public static class Gradients
{
    /// <summary>Gradients of a scalar with respect to some tensors, in their order.</summary>
    /// <exception cref="GraphException">The loss is no scalar, an op on the way has no gradient rule, or a tensor does not influence the loss.</exception>
    public static IReadOnlyList<Tensor> Of(Tensor loss, IReadOnlyList<Tensor> wanted)
    {
        if (loss.Shape.Rank != 0)
        {
            throw new GraphException($"only a scalar has a gradient, not {loss}");
        }

        var graph = loss.Node.Graph;
        var depends = Dependents(graph, wanted);
        var gradients = new Dictionary<Tensor, Tensor> { [loss] = graph.Constant(1) };
        for (var id = loss.Node.Id; id >= 0; id--)
        {
            var node = graph.Nodes[id];
            if (!depends.Contains(node) || node.Inputs.Count == 0 || !node.Outputs.Any(gradients.ContainsKey))
            {
                continue;
            }

            using var scope = graph.Backward(node.Module);
            var context = new GradientContext(
                node,
                [.. node.Outputs.Select(o => gradients.GetValueOrDefault(o))],
                [.. node.Inputs.Select(i => depends.Contains(i.Node))]);
            var results = node.Op.Gradient(context);
            for (var i = 0; i < node.Inputs.Count; i++)
            {
                if (context.Needed[i] && results[i] is { } gradient)
                {
                    Accumulate(gradients, node.Inputs[i], gradient, node);
                }
            }
        }

        return [.. wanted.Select(tensor => gradients.TryGetValue(tensor, out var gradient)
            ? gradient
            : throw new GraphException($"{Describe(tensor)} does not influence the loss: no gradient reaches it"))];
    }

    private static void Accumulate(Dictionary<Tensor, Tensor> gradients, Tensor tensor, Tensor gradient, Node from)
    {
        if (!gradient.Shape.Equals(tensor.Shape))
        {
            throw new GraphException($"{from}: the gradient of {tensor} came out as {gradient.Shape}");
        }

        gradients[tensor] = gradients.TryGetValue(tensor, out var sum) ? sum + gradient : gradient;
    }

    private static HashSet<Node> Dependents(TensorGraph graph, IReadOnlyList<Tensor> wanted)
    {
        var result = wanted.Select(t => t.Node).ToHashSet();
        foreach (var node in graph.Nodes)
        {
            if (node.Inputs.Any(i => result.Contains(i.Node)))
            {
                result.Add(node);
            }
        }

        return result;
    }

    private static string Describe(Tensor tensor) => tensor.Node.Op is Ops.Variable variable ? $"the parameter '{variable.Name}'" : tensor.ToString();
}
