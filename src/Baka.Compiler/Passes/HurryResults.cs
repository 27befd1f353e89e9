using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>
/// What variables become is computed as soon as it can be, not after everything else: gradients are added to their
/// sums when they are known, and what carried state is cut from need not be kept to the end.
/// </summary>
public sealed class HurryResults : IPass
{
    public TensorGraph Run(TensorGraph graph)
    {
        var readers = graph.Nodes.SelectMany(n => n.Inputs.Select(i => (Input: i.Node, Node: n))).ToLookup(r => r.Input, r => r.Node);
        var results = graph.Assignments.Values.Select(v => v.Node).ToHashSet();
        var rank = new int[graph.Nodes.Count];
        foreach (var node in graph.Nodes)
        {
            rank[node.Id] = node.Op is Variable ? 0 : Hurries(node) ? node.Inputs.Max(i => rank[i.Node.Id]) : node.Id;
        }

        var order = TopologicalOrder.Of(graph.Nodes.Count, id => graph.Nodes[id].Inputs.Select(i => i.Node.Id), id => rank[id]);
        return graph.Rebuild(order.Select(id => graph.Nodes[id]), (target, node, map) => target.Copy(node, [.. node.Inputs.Select(i => map[i])]));

        // Whatever costs nothing comes when it can, and so does whatever only results are made of.
        bool Hurries(Node node) => node.Inputs.Count > 0 && (IsView(node) || node.IsJoinOfVariables() || IsForResultsOnly(node));

        bool IsForResultsOnly(Node node) => (results.Contains(node) || readers[node].Any()) && readers[node].All(r => IsView(r) && IsForResultsOnly(r));
    }

    private static bool IsView(Node node) => node.Op is Slice or Reshape or Permute or Broadcast;
}
