using Baka.Compiler.Fusion;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>
/// An elementwise kernel that reads a large product becomes the end of the product's own kernel, a
/// <see cref="FinishedProduct"/>; where it reads a pair of <see cref="ProductPairs"/>, both become one.
/// </summary>
/// <param name="leastResults">Elements that a product needs for that.</param>
public sealed class FinishProducts(long leastResults) : IPass
{
    public TensorGraph Run(TensorGraph graph)
    {
        var readers = graph.Nodes.Where(n => n.Op is not Reshape).SelectMany(n => n.Inputs.Select(i => (Product: i.BehindReshapes(), Reader: n))).ToLookup(r => r.Product, r => r.Reader);
        var results = graph.Results.Select(r => r.BehindReshapes()).ToHashSet();
        var kept = new Dictionary<Tensor, Tensor>();
        return graph.Rewrite((target, node, inputs) =>
        {
            Tensor[] current = [.. inputs.Select(i => node.Op is not Reshape && kept.TryGetValue(i.BehindReshapes(), out var product) ? product.Reshape(i.Shape) : i)];
            return node.Op is FusedElementwise program && Products(node) is [_, ..] products ? Finish(target, program, node, products, current) : target.Copy(node, current);
        });

        // Those to take in: two of one factor, else the one with the longest sums, which leave most time for others' memory.
        Tensor[] Products(Node node)
        {
            Tensor[] all = [.. node.Inputs.Select(i => i.BehindReshapes()).Distinct().Where(t => CanFinish(t, node)).OrderBy(t => t.Node.Inputs[0].Shape[1]).ThenBy(t => t.Node.Id)];
            return all is [var first, var second] && ProductPairs.IsPair(first.Node, second.Node) ? all : [.. all.TakeLast(1)];
        }

        bool CanFinish(Tensor product, Node node) =>
            product.Node is { Op: MatMul { TransposeA: false } } && product.Node.IsBackward == node.IsBackward && product.Shape.Count >= leastResults
            && product.Shape.Count == node.Outputs[0].Shape.Count && !results.Contains(product) && readers[product].All(r => r.Id >= node.Id);

        IReadOnlyList<Tensor> Finish(TensorGraph target, FusedElementwise program, Node node, Tensor[] products, Tensor[] current)
        {
            Tensor[] behind = [.. node.Inputs.Select(i => i.BehindReshapes())];
            int[] others = [.. Enumerable.Range(0, behind.Length).Where(i => !products.Contains(behind[i]))];
            var made = products.Select(p => current[Array.IndexOf(behind, p)].BehindReshapes()).ToArray();
            var keeps = products.Any(p => readers[p].Any(r => r != node));
            var op = new FinishedProduct(((MatMul)made[0].Node.Op).TransposeB, products.Length, keeps, WithInputs(program, i =>
                Array.IndexOf(products, behind[i]) is >= 0 and var product ? product : products.Length + Array.IndexOf(others, i)));
            var finished = target.AddNode(op, [made[0].Node.Inputs[0], .. made.Select(p => p.Node.Inputs[1]), .. others.Select(i => current[i])]);
            for (var i = 0; i < op.Kept; i++)
            {
                kept[made[i]] = finished.Outputs[i];
            }

            return [.. finished.Outputs.Skip(op.Kept)];
        }
    }

    private static FusedElementwise WithInputs(FusedElementwise program, Func<int, int> place) => program with
    {
        Program = [.. program.Program.Select(instruction => instruction with
        {
            Operands = [.. instruction.Operands.Select(operand => operand.Kind == OperandKind.Input ? Operand.Input(place(operand.Index)) : operand)],
        })],
    };
}
