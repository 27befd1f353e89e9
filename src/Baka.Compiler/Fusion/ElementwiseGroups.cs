using System.Collections;
using Baka.Compiler.Passes;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Fusion;

/// <summary>
/// Partitions the elementwise nodes of a graph into connected groups, so that no group depends on itself through
/// nodes outside. A group is named by the id of its first node; every other node is a group of its own.
/// </summary>
internal sealed class ElementwiseGroups
{
    private readonly TensorGraph _graph;
    private readonly int[] _group;
    private readonly BitArray[] _dependencies;
    private readonly Dictionary<int, List<Node>> _members = [];
    private readonly Dictionary<Tensor, Node> _readers = [];

    public ElementwiseGroups(TensorGraph graph)
    {
        _graph = graph;
        var count = graph.Nodes.Count;
        _group = [.. Enumerable.Range(0, count)];
        _dependencies = new BitArray[count];
        foreach (var node in graph.Nodes)
        {
            var dependencies = new BitArray(count);
            foreach (var input in node.Inputs)
            {
                // Reshapes stand in nobody's way: what is behind them counts.
                var source = _group[input.BehindReshapes().Node.Id];
                dependencies.Or(_dependencies[source]);
                dependencies[source] = true;
            }

            _dependencies[node.Id] = dependencies;
            _members[node.Id] = [node];
            if (node.Op is Elementwise)
            {
                JoinProducers(node);
                JoinReaders(node);
            }
        }
    }

    public int Of(Node node) => _group[node.Id];

    public IReadOnlyList<Node> Members(int group) => _members[group];

    private void JoinProducers(Node node)
    {
        foreach (var input in node.Inputs)
        {
            var producer = input.BehindReshapes().Node;
            if (producer.Op is Elementwise && producer.IsBackward == node.IsBackward && Same(node, producer))
            {
                TryMerge(_group[producer.Id], _group[node.Id]);
            }
        }
    }

    /// <summary>What is made of one gradient is made at once: gradients are read soon, and better once.</summary>
    private void JoinReaders(Node node)
    {
        foreach (var source in node.Inputs.Select(i => i.BehindReshapes()).Where(s => s.Node.IsBackward && s.Node.Op is not (Elementwise or Broadcast) && s.Shape.Count == node.Outputs[0].Shape.Count))
        {
            if (_readers.TryAdd(source, node) || !node.IsBackward || !Same(node, _readers[source]))
            {
                continue;
            }

            TryMerge(_group[_readers[source].Id], _group[node.Id]);
        }
    }

    /// <summary>Whether two shapes can be walked together: the places where their axes end agree.</summary>
    private static bool Same(Node a, Node b)
    {
        var (x, y) = (a.Outputs[0].Shape, b.Outputs[0].Shape);
        return x.Count == y.Count && (x.Equals(y) || Walk.Refine([Walk.Cuts(x), Walk.Cuts(y)]) is not null);
    }

    private void TryMerge(int a, int b)
    {
        if (a == b || DependsThroughOthers(a, b) || DependsThroughOthers(b, a))
        {
            return;
        }

        var (keep, drop) = a < b ? (a, b) : (b, a);
        _members[keep].AddRange(_members[drop]);
        _members[keep].Sort((x, y) => x.Id.CompareTo(y.Id));
        foreach (var member in _members[drop])
        {
            _group[member.Id] = keep;
        }

        _members.Remove(drop);
        var dependencies = _dependencies[keep];
        dependencies.Or(_dependencies[drop]);
        dependencies[keep] = false;
        dependencies[drop] = false;

        // Whoever depends on either half now depends on all that the whole depends on.
        for (var other = 0; other < _dependencies.Length && _dependencies[other] is { } others; other++)
        {
            if (other != keep && other != drop && (others[keep] || others[drop]))
            {
                others.Or(dependencies);
                others[keep] = true;
                others[drop] = false;
            }
        }
    }

    /// <summary>Whether group <paramref name="a"/> depends on a third group that depends on <paramref name="b"/>.</summary>
    private bool DependsThroughOthers(int a, int b)
    {
        var dependencies = _dependencies[a];
        if (!dependencies[b])
        {
            return false;
        }

        // Nothing between the two can lie before b's first node in the order.
        for (var between = 0; between < _graph.Nodes.Count && _dependencies[between] is not null; between++)
        {
            if (between != a && between != b && dependencies[between] && _members.ContainsKey(between) && _dependencies[between][b])
            {
                return true;
            }
        }

        return false;
    }
}
