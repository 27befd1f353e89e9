using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>
/// c + a·b, where nothing else reads the product, becomes a product that adds into c. Where c is a sum of
/// gradients, the product may come in another order: c is then given in the product's.
/// </summary>
public sealed class AccumulateProducts : IPass
{
    public TensorGraph Run(TensorGraph graph)
    {
        var readers = graph.CountReaders();
        return graph.Rewrite((target, node, inputs) =>
        {
            if (node.Op is not Binary { Function: BinaryFunction.Add })
            {
                return target.Copy(node, inputs);
            }

            for (var i = 1; i >= 0; i--)
            {
                // The later operand first: of a chain of products each then adds into the one before.
                if (IsProduct(node.Inputs[i], node.Inputs[1 - i].StoredVariable() is { VariableKind: VariableKind.State }, readers))
                {
                    return [Sum(inputs[i], inputs[1 - i])];
                }
            }

            return target.Copy(node, inputs);
        });
    }

    private static bool IsProduct(Tensor tensor, bool inAnyOrder, Dictionary<Tensor, int> readers)
    {
        while ((tensor.Node.Op is Reshape || (tensor.Node.Op is Permute && inAnyOrder)) && readers.GetValueOrDefault(tensor) == 1)
        {
            tensor = tensor.Node.Inputs[0];
        }

        return readers.GetValueOrDefault(tensor) == 1 && tensor.Node.Op is MatMul or BatchMatMul;
    }

    /// <summary>The addend goes all the way back to the product, the sum comes forth.</summary>
    private static Tensor Sum(Tensor product, Tensor addend)
    {
        var (op, inputs) = (product.Node.Op, product.Node.Inputs);
        return op switch
        {
            Reshape => Sum(inputs[0], addend.Reshape(inputs[0].Shape)).Reshape(product.Shape),
            Permute permute => Sum(inputs[0], addend.Permute(permute.Inverse)).Permute(permute.Axes.AsSpan()),
            MatMul matrices => product.Node.Graph.Add(new MatMulAdd(matrices.TransposeA, matrices.TransposeB), [inputs[0], inputs[1], addend]),
            BatchMatMul matrices => product.Node.Graph.Add(new BatchMatMulAdd(matrices.TransposeA, matrices.TransposeB), [inputs[0], inputs[1], addend]),
            _ => throw new ArgumentException($"{product} is no product."),
        };
    }
}
