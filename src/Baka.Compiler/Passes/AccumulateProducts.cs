using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>c + a·b, where nothing else reads the product, becomes a product that adds into c.</summary>
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
                var product = Product(node.Inputs[i], readers);
                if (product is null)
                {
                    continue;
                }

                var mapped = inputs[i].BehindReshapes();
                var other = inputs[1 - i].Reshape(mapped.Shape);
                var sum = target.Add(new MatMulAdd(product.TransposeA, product.TransposeB), [mapped.Node.Inputs[0], mapped.Node.Inputs[1], other]);
                return [sum.Reshape(node.Outputs[0].Shape)];
            }

            return target.Copy(node, inputs);
        });
    }

    private static MatMul? Product(Tensor tensor, Dictionary<Tensor, int> readers)
    {
        while (tensor.Node.Op is Reshape && readers.GetValueOrDefault(tensor) == 1)
        {
            tensor = tensor.Node.Inputs[0];
        }

        return readers.GetValueOrDefault(tensor) == 1 ? tensor.Node.Op as MatMul : null;
    }
}
