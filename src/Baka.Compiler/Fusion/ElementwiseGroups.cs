using System.Numerics;
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
    private readonly int[] _group;
    private readonly List<BitSet?> _dependencies = [];
    private readonly Dictionary<int, List<Node>> _members = [];
    private readonly Dictionary<Tensor, Node> _readers = [];

    public ElementwiseGroups(TensorGraph graph)
    {
        var count = graph.Nodes.Count;
        _group = [.. Enumerable.Range(0, count)];
        foreach (var node in graph.Nodes)
        {
            var dependencies = new BitSet(count);
            foreach (var input in node.Inputs)
            {
                // Reshapes stand in nobody's way: what is behind them counts.
                var source = _group[input.BehindReshapes().Node.Id];
                dependencies.UnionWith(_dependencies[source]!);
                dependencies.Add(source);
            }

            _dependencies.Add(dependencies);
            _members[node.Id] = [node];
            if (node.Op is Elementwise)
            {
                JoinProducers(node);
                JoinReaders(node);
            }
        }

        Postpone(graph);
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

    /// <summary>
    /// What is made of one value that a group stores anyway, and is read by one other group alone, moves there: that group
    /// reads the one value instead of the other, which nobody has to store.
    /// </summary>
    private void Postpone(TensorGraph graph)
    {
        var results = graph.Results.Select(r => r.BehindReshapes()).ToHashSet();
        var readers = graph.Nodes.Where(n => n.Op is not Reshape)
            .SelectMany(n => n.Inputs.Select(i => (Tensor: i.BehindReshapes(), Reader: n)))
            .ToLookup(read => read.Tensor, read => read.Reader);
        foreach (var node in graph.Nodes.Reverse().Where(n => n.Op is Elementwise && n.Id != Of(n) && !results.Contains(n.Outputs[0])))
        {
            var group = Of(node);
            var later = readers[node.Outputs[0]].FirstOrDefault();
            var sources = node.Inputs.Select(i => i.BehindReshapes()).Where(i => i.Node.Op is not (Constant or Broadcast)).Distinct().ToArray();
            if (later is not null && Of(later) != group
                && readers[node.Outputs[0]].All(r => r.Op is Elementwise && Of(r) == Of(later) && r.IsBackward == node.IsBackward && Same(node, r))
                && sources is [var source] && source.Node.Op is Elementwise && Of(source.Node) == group
                && (results.Contains(source) || readers[source].Any(r => Of(r) != group)))
            {
                _members[group].Remove(node);
                _members[Of(later)].Add(node);
                _members[Of(later)].Sort((x, y) => x.Id.CompareTo(y.Id));
                _group[node.Id] = Of(later);
            }
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
        var dependencies = _dependencies[keep]!;
        dependencies.UnionWith(_dependencies[drop]!);
        dependencies.Remove(keep);
        dependencies.Remove(drop);
        _dependencies[drop] = null;

        // Whoever depends on either half now depends on all that the whole depends on.
        foreach (var others in _dependencies)
        {
            if (others is not null && others != dependencies && (others.Contains(keep) || others.Contains(drop)))
            {
                others.UnionWith(dependencies);
                others.Add(keep);
                others.Remove(drop);
            }
        }
    }

    /// <summary>Whether group <paramref name="a"/> depends on a third group that depends on <paramref name="b"/>.</summary>
    private bool DependsThroughOthers(int a, int b)
    {
        var dependencies = _dependencies[a]!;
        return dependencies.Contains(b) && dependencies.Any(between => between != b && _dependencies[between]!.Contains(b));
    }

    /// <summary>Some of the numbers below a limit.</summary>
    private sealed class BitSet(int limit)
    {
        private readonly ulong[] _words = new ulong[(limit + 63) / 64];

        public bool Contains(int number) => (_words[number >> 6] >> number & 1) != 0;

        public void Add(int number) => _words[number >> 6] |= 1UL << number;

        public void Remove(int number) => _words[number >> 6] &= ~(1UL << number);

        public void UnionWith(BitSet other)
        {
            for (var i = 0; i < _words.Length; i++)
            {
                _words[i] |= other._words[i];
            }
        }

        public bool Any(Func<int, bool> condition)
        {
            for (var i = 0; i < _words.Length; i++)
            {
                for (var rest = _words[i]; rest != 0; rest &= rest - 1)
                {
                    if (condition(64 * i + BitOperations.TrailingZeroCount(rest)))
                    {
                        return true;
                    }
                }
            }

            return false;
        }
    }
}
