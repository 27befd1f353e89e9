using Baka.Compiler.Fusion;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>
/// Connected elementwise nodes become one <see cref="FusedElementwise"/>: their intermediate values never leave the
/// registers. Only values read outside the group are stored.
/// </summary>
public sealed class FuseElementwise : IPass
{
    public TensorGraph Run(TensorGraph graph)
    {
        var groups = new ElementwiseGroups(graph);
        var lastMember = graph.Nodes.GroupBy(groups.Of).ToDictionary(g => g.Key, g => g.Max(n => n.Id));
        var order = TopologicalOrder.Of(
            graph.Nodes.Count,
            id => Dependencies(graph.Nodes[id], groups),
            id => lastMember[groups.Of(graph.Nodes[id])]);

        var outside = ReadOutside(graph, groups);
        var built = new Dictionary<int, Dictionary<Tensor, Tensor>>();
        return graph.Rebuild([.. order.Select(id => graph.Nodes[id])], (target, node, map) =>
        {
            if (node.Op is not Elementwise)
            {
                return target.Copy(node, [.. node.Inputs.Select(i => map[i])]);
            }

            var group = groups.Of(node);
            if (!built.TryGetValue(group, out var results))
            {
                built[group] = results = Build(target, groups.Members(group), outside, map);
            }

            // A value that stays in registers is read by nobody outside: any tensor may stand for it.
            return [results.TryGetValue(node.Outputs[0], out var result) ? result : results.Values.First()];
        });
    }

    /// <summary>The whole group runs when its first node is reached, so all it needs must come before that.</summary>
    private static IEnumerable<int> Dependencies(Node node, ElementwiseGroups groups)
    {
        var group = groups.Of(node);
        if (node.Id != group)
        {
            return [group];
        }

        return groups.Members(group).SelectMany(m => m.Inputs)
            .SelectMany(i => new[] { i.Node, i.BehindReshapes().Node })
            .Where(source => groups.Of(source) != group && !IsReshapeOfMember(source, groups, group))
            .SelectMany(source => new[] { source.Id, groups.Of(source) });
    }

    private static bool IsReshapeOfMember(Node source, ElementwiseGroups groups, int group) =>
        source.Op is Reshape && groups.Of(source.Outputs[0].BehindReshapes().Node) == group;

    /// <summary>Values that someone outside their group reads; reshapes only pass a value on.</summary>
    private static HashSet<Tensor> ReadOutside(TensorGraph graph, ElementwiseGroups groups)
    {
        var outside = graph.Results.Select(r => r.BehindReshapes()).ToHashSet();
        foreach (var reader in graph.Nodes.Where(n => n.Op is not Reshape))
        {
            outside.UnionWith(reader.Inputs.Select(i => i.BehindReshapes())
                .Where(i => reader.Op is not Elementwise || groups.Of(i.Node) != groups.Of(reader)));
        }

        return outside;
    }

    private static Dictionary<Tensor, Tensor> Build(TensorGraph target, IReadOnlyList<Node> members, HashSet<Tensor> outside, IReadOnlyDictionary<Tensor, Tensor> map)
    {
        var inputs = new List<Tensor>();
        var program = new List<Instruction>();
        var registers = new Dictionary<Tensor, int>();
        foreach (var member in members)
        {
            Operand[] operands = [.. member.Inputs.Select(i => Resolve(i))];
            registers[member.Outputs[0]] = program.Count;
            program.Add(new Instruction((Elementwise)member.Op, [.. operands]));
        }

        var results = members.Select(m => m.Outputs[0]).Where(outside.Contains).ToArray();
        var op = new FusedElementwise([.. program], [.. results.Select(r => registers[r])], [.. results.Select(r => r.Shape)]);
        var node = target.AddNode(op, inputs);
        return results.Zip(node.Outputs).ToDictionary(pair => pair.First, pair => pair.Second);

        Operand Resolve(Tensor input)
        {
            if (registers.TryGetValue(input.BehindReshapes(), out var register))
            {
                return Operand.Register(register);
            }

            if (input.IsConstant(out var value))
            {
                return Operand.Immediate(value);
            }

            var mapped = map[input];
            var index = inputs.IndexOf(mapped);
            if (index < 0)
            {
                index = inputs.Count;
                inputs.Add(mapped);
            }

            return Operand.Input(index);
        }
    }
}
