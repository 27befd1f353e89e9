using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>
/// Products that share an operand become one wide product and slices of it: x·W₁ᵀ, x·W₂ᵀ, … in the forward pass and
/// dy₁ᵀ·x, dy₂ᵀ·x, … for the weights' gradients.
/// </summary>
/// <param name="leastOfPairs">Elements from which on <see cref="ProductPairs"/> stay for themselves.</param>
public sealed class MergeSiblingProducts(long leastOfPairs = long.MaxValue) : IPass
{
    public TensorGraph Run(TensorGraph graph)
    {
        var families = new Dictionary<Node, Family>();
        var readers = graph.Nodes.SelectMany(n => n.Inputs.Select(i => (Input: i.Node, Node: n))).ToLookup(r => r.Input, r => r.Node);
        var pairs = ProductPairs.In(graph, leastOfPairs);
        foreach (var siblings in graph.Nodes.Where(n => n.Op is MatMul { TransposeA: false, TransposeB: true } && n.Inputs[1].IsWeight() && !pairs.Contains(n))
            .GroupBy(n => (n.Inputs[0], IsKept(n, readers))))
        {
            Join(families, new Family([.. siblings.OrderBy(n => n.Inputs[1].WeightOrder())], varying: 1));
        }

        foreach (var siblings in graph.Nodes.Where(n => n.Op is MatMul { TransposeA: true, TransposeB: false } or MatMulAdd { TransposeA: true, TransposeB: false })
            .GroupBy(n => (n.Op, n.Inputs[1])))
        {
            foreach (var family in Independent(siblings))
            {
                Join(families, Beside(family));
            }
        }

        return families.Count == 0 ? graph : Rewrite(graph, families);
    }

    /// <summary>
    /// Whether the gradient reads a product, which is then kept with all its siblings: those that only the forward pass
    /// reads had better be apart.
    /// </summary>
    private static bool IsKept(Node product, ILookup<Node, Node> readers) =>
        readers[product].Any(reader => reader.IsBackward || (reader.Op is Elementwise or Reshape or Slice or Permute && IsKept(reader, readers)));

    private static void Join(Dictionary<Node, Family> families, Family family)
    {
        if (family.Members.Count < 2)
        {
            return;
        }

        foreach (var member in family.Members)
        {
            families[member] = family;
        }
    }

    /// <summary>Products that add into each other follow one another and cannot be one.</summary>
    private static IEnumerable<IReadOnlyList<Node>> Independent(IEnumerable<Node> siblings)
    {
        var rest = siblings.ToList();
        while (rest.Count > 0)
        {
            var family = new List<Node>();
            foreach (var node in rest.ToArray())
            {
                if (!family.Any(member => node.Inputs.Any(i => i.BehindReshapes().Node == member)))
                {
                    family.Add(node);
                    rest.Remove(node);
                }
            }

            yield return family;
        }
    }

    /// <summary>Where the same factors already stand side by side for the input's gradient, they stay there.</summary>
    private static Family Beside(IReadOnlyList<Node> family)
    {
        var byFactor = family.GroupBy(n => n.Inputs[0]).ToDictionary(g => g.Key, g => g.First());
        if (byFactor.Count < family.Count)
        {
            return new Family([], varying: 0);
        }

        foreach (var join in family[0].Graph.Nodes.Where(n => n.Op is Concat { Axis: 1 }))
        {
            var start = join.Inputs.TakeWhile(i => !byFactor.ContainsKey(i)).Count();
            var parts = join.Inputs.Skip(start).Take(family.Count).ToArray();
            if (parts.Length == family.Count && parts.Distinct().Count() == parts.Length && parts.All(byFactor.ContainsKey))
            {
                return new Family([.. parts.Select(p => byFactor[p])], varying: 0) { Factors = join, FirstFactor = start };
            }
        }

        return new Family([.. family.OrderBy(n => n.Inputs[0].Node.Id)], varying: 0);
    }

    private static TensorGraph Rewrite(TensorGraph graph, Dictionary<Node, Family> families)
    {
        // A family can be built once the operands of all its members are: treat it as one node of the order.
        var unit = graph.Nodes.Select(n => families.TryGetValue(n, out var family) ? family.Members.Max(m => m.Id) : n.Id).ToArray();
        var members = graph.Nodes.GroupBy(n => unit[n.Id]).ToDictionary(g => g.Key, g => g.ToArray());
        var order = TopologicalOrder.Of(
            graph.Nodes.Count,
            id => unit[id] != id ? [unit[id]] : members[id].SelectMany(m => m.Inputs).Concat(Factors(members[id][0])).SelectMany(i => new[] { i.Node.Id, unit[i.Node.Id] }),
            id => id);
        IEnumerable<Tensor> Factors(Node node) => families.TryGetValue(node, out var family) && family.Factors is { } join ? join.Outputs : [];
        return graph.Rebuild([.. order.Select(id => graph.Nodes[id])], (target, node, map) =>
        {
            if (!families.TryGetValue(node, out var family))
            {
                return target.Copy(node, [.. node.Inputs.Select(i => map[i])]);
            }

            family.Build(target, map);
            return [family.Result(node)];
        });
    }

    /// <summary>Products that differ in one operand alone.</summary>
    private sealed class Family(IReadOnlyList<Node> members, int varying)
    {
        private Tensor? _product;

        public IReadOnlyList<Node> Members { get; } = members;

        /// <summary>A join that holds the members' first operands side by side, perhaps among others.</summary>
        public Node? Factors { get; init; }

        /// <summary>Which of its parts belongs to the first member.</summary>
        public int FirstFactor { get; init; }

        public void Build(TensorGraph target, IReadOnlyDictionary<Tensor, Tensor> map)
        {
            if (_product is not null)
            {
                return;
            }

            Tensor Joined(int input, int axis) => Tensor.Concat(axis, Members.Select(m => map[m.Inputs[input]]).ToArray());
            Tensor Shared(int input) => map[Members[0].Inputs[input]];
            Tensor[] operands = varying == 1 ? [Shared(0), Joined(1, 0)] : [Factors is null ? Joined(0, 1) : PartOfFactors(map), Shared(1)];
            if (Members[0].Op is MatMulAdd)
            {
                operands = [.. operands, Joined(2, 0)];
            }

            _product = target.Add(Members[0].Op, operands);
        }

        private Tensor PartOfFactors(IReadOnlyDictionary<Tensor, Tensor> map)
        {
            var start = Factors!.Inputs.Take(FirstFactor).Sum(i => i.Shape[1]);
            return map[Factors.Outputs[0]].Slice(1, start, Members.Sum(m => m.Inputs[0].Shape[1]));
        }

        public Tensor Result(Node member)
        {
            // x·Wᵢᵀ are columns of the product, dyᵢᵀ·x its rows.
            var axis = varying;
            var start = Members.TakeWhile(m => m != member).Sum(m => m.Outputs[0].Shape[axis]);
            return _product!.Slice(axis, start, member.Outputs[0].Shape[axis]);
        }
    }
}
