using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>
/// A sum of products with parameters, Σ aᵢ·Wᵢ, as the gradient of an input that several linear maps read, becomes
/// one product of the aᵢ side by side with the Wᵢ one above the other.
/// </summary>
public sealed class MergeInputGradients : IPass
{
    public TensorGraph Run(TensorGraph graph)
    {
        var readers = graph.CountReaders();
        var innerSums = InnerSums(graph, readers);
        return graph.Rewrite((target, node, inputs) =>
        {
            if (!IsSum(node) || innerSums.Contains(node))
            {
                return target.Copy(node, inputs);
            }

            var products = new List<Node>();
            Collect(node, readers, products);
            return products.Count < 2 ? target.Copy(node, inputs) : [Merged(node.Outputs[0], inputs, products, readers)];
        });
    }

    /// <summary>Sums that are read once, by another sum.</summary>
    private static HashSet<Node> InnerSums(TensorGraph graph, Dictionary<Tensor, int> readers) =>
        [.. graph.Nodes.Where(IsSum).SelectMany(n => n.Inputs).Where(i => IsSum(i.Node) && readers.GetValueOrDefault(i) == 1).Select(i => i.Node)];

    private static bool IsSum(Node node) => node.Op is Binary { Function: BinaryFunction.Add };

    private static bool IsProduct(Tensor tensor, Dictionary<Tensor, int> readers) =>
        tensor.Node.Op is MatMul { TransposeA: false, TransposeB: false } && tensor.Node.Inputs[1].IsWeight() && readers.GetValueOrDefault(tensor) == 1;

    private static void Collect(Node sum, Dictionary<Tensor, int> readers, List<Node> products)
    {
        foreach (var term in sum.Inputs)
        {
            if (IsProduct(term, readers))
            {
                products.Add(term.Node);
            }
            else if (IsSum(term.Node) && readers.GetValueOrDefault(term) == 1)
            {
                Collect(term.Node, readers, products);
            }
        }
    }

    /// <summary>The sum in the new graph; <paramref name="inputs"/> are the rewritten operands of the outermost addition.</summary>
    private static Tensor Merged(Tensor sum, IReadOnlyList<Tensor> inputs, List<Node> products, Dictionary<Tensor, int> readers)
    {
        // Forward and backward agree on the weights' places in memory.
        var order = products.OrderBy(p => p.Inputs[1].WeightOrder()).ToArray();
        var rewritten = new Dictionary<Node, Node>();
        var rest = new List<Tensor>();
        Match(sum.Node, inputs, readers, rewritten, rest);
        var a = Tensor.Concat(1, order.Select(p => rewritten[p].Inputs[0]).ToArray());
        var b = Tensor.Concat(0, order.Select(p => rewritten[p].Inputs[1]).ToArray());
        return rest.Aggregate(a.MatMul(b), (total, term) => term + total);
    }

    /// <summary>Walks the old and the new tree of additions side by side.</summary>
    private static void Match(Node old, IReadOnlyList<Tensor> inputs, Dictionary<Tensor, int> readers, Dictionary<Node, Node> rewritten, List<Tensor> rest)
    {
        for (var i = 0; i < 2; i++)
        {
            var term = old.Inputs[i];
            if (IsProduct(term, readers))
            {
                rewritten[term.Node] = inputs[i].Node;
            }
            else if (IsSum(term.Node) && readers.GetValueOrDefault(term) == 1)
            {
                Match(term.Node, inputs[i].Node.Inputs, readers, rewritten, rest);
            }
            else
            {
                rest.Add(inputs[i]);
            }
        }
    }
}
