using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>
/// Where a cross-entropy is differentiated, its value is read from the kernel that makes value and gradient in one
/// pass, so that the logits are computed once.
/// </summary>
public sealed class TakeLossFromGradient : IPass
{
    public TensorGraph Run(TensorGraph graph)
    {
        var replacements = new Dictionary<Tensor, Tensor>();
        foreach (var gradient in graph.Nodes.Where(n => n.Op is LinearCrossEntropyGradient))
        {
            var forward = graph.Nodes.FirstOrDefault(n => n.Op is LinearCrossEntropy && n.Inputs.SequenceEqual(gradient.Inputs.Take(3)));
            if (forward is not null && !DependsOn(gradient, forward))
            {
                replacements[forward.Outputs[0]] = gradient.Outputs[0];
            }
        }

        return replacements.Count == 0 ? graph : graph.Substitute(replacements);
    }

    private static bool DependsOn(Node node, Node other)
    {
        var seen = new HashSet<Node>();
        var stack = new Stack<Node>([node]);
        while (stack.TryPop(out var current))
        {
            if (current == other)
            {
                return true;
            }

            // Topological order: what comes before the other cannot depend on it.
            if (current.Id > other.Id && seen.Add(current))
            {
                foreach (var input in current.Inputs)
                {
                    stack.Push(input.Node);
                }
            }
        }

        return false;
    }
}
