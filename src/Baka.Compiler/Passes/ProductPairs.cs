using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>Two products of one factor that meet in an elementwise function of both alone, as an MLP's gate and up do.</summary>
internal static class ProductPairs
{
    /// <param name="leastResults">Elements that each needs.</param>
    public static HashSet<Node> In(TensorGraph graph, long leastResults)
    {
        var pairs = new HashSet<Node>();
        var sources = new Dictionary<Node, HashSet<Tensor>>();
        foreach (var node in graph.Nodes.Where(n => n.Op is Elementwise && !n.IsBackward))
        {
            var made = sources[node] = [.. node.Inputs.Where(i => !i.IsConstant(out _)).Select(i => i.BehindReshapes()).SelectMany(i => sources.TryGetValue(i.Node, out var inner) ? inner : [i])];
            if (made.Count == 2 && made.All(t => t.Shape.Count >= leastResults) && IsPair(made.First().Node, made.Last().Node))
            {
                pairs.UnionWith(made.Select(t => t.Node));
            }
        }

        return pairs;
    }

    public static bool IsPair(Node a, Node b) =>
        a.Op is MatMul { TransposeA: false } && a.Op == b.Op && a.Inputs[0] == b.Inputs[0] && a.Outputs[0].Shape.Equals(b.Outputs[0].Shape);
}
