using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Graph.Reference;

namespace Baka.Compiler.Passes;

/// <summary>D = C + op(A) · op(B), from (A, B, C). In a plan D takes the place of C where nobody else reads C.</summary>
public sealed record MatMulAdd(bool TransposeA, bool TransposeB) : Op, IAddsToOperand
{
    public int Addend => 2;

    public int Sum => 0;

    public MatMul Product => new(TransposeA, TransposeB);

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        var product = Product.Infer([inputs[0], inputs[1]]);
        Require(inputs[2].Equals(product[0]), $"{inputs[2]} cannot be added to {product[0]}");
        return product;
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => Product.Flops(inputs, outputs);

    public override void Evaluate(Evaluation evaluation)
    {
        Product.Evaluate(evaluation);
        for (var i = 0; i < evaluation.Floats(0).Length; i++)
        {
            evaluation.Floats(0)[i] += evaluation.In(2)[i];
        }
    }
}
