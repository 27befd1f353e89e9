using Baka.Compiler.Fusion;
using Baka.Compiler.Passes;
using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Graph.Reference;

namespace Baka.Compiler.Plans;

/// <summary>Copies elements from one layout to another. Only plans hold it: in a graph there is nothing to copy.</summary>
public sealed record Copy : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs) => [inputs[0]];

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => 0;

    public override void Evaluate(Evaluation evaluation) => evaluation.In(0).CopyTo(evaluation.Floats(0), 0);
}

/// <summary>One kernel launch of a plan.</summary>
public sealed record Step(Op Op, string Module, IReadOnlyList<View> Inputs, IReadOnlyList<View> Outputs)
{
    /// <summary>Of kernel: the op's, for products with the operands that are transposed, so that a layer's three are told apart.</summary>
    public string Kind => Op switch
    {
        FusedElementwise => "Elementwise",
        MatMul product => Describe(product),
        BatchMatMul product => Describe(product),
        FinishedProduct finished => Describe(finished.Product) + ", elementwise",
        MatMulAdd sum => Describe(sum.Product) + " +",
        BatchMatMulAdd sum => Describe(sum.Product) + " +",
        _ => Op.Kind,
    };

    public long Flops => Op.Flops([.. Inputs.Select(Spec)], [.. Outputs.Select(Spec)]);

    /// <summary>Bytes that have to move at least: every operand once.</summary>
    public long Bytes => Inputs.Sum(v => Distinct(v) * v.Storage.Type.Bytes) + Outputs.Sum(v => v.Shape.Count * v.Storage.Type.Bytes);

    private static string Describe(MatMul product) => $"{product.Kind} {Factors(product.TransposeA, product.TransposeB)}";

    private static string Describe(BatchMatMul product) => $"{product.Kind} {Factors(product.TransposeA, product.TransposeB)}";

    private static string Factors(bool transposeA, bool transposeB) => $"{(transposeA ? "Aᵀ" : "A")}·{(transposeB ? "Bᵀ" : "B")}";

    private static TensorSpec Spec(View view) => new(view.Storage.Type == Element.Int32 ? DType.Int32 : DType.Float32, view.Shape);

    private static long Distinct(View view)
    {
        var count = 1L;
        for (var i = 0; i < view.Shape.Rank; i++)
        {
            count *= view.Strides[i] == 0 ? 1 : view.Shape[i];
        }

        return count;
    }
}
