using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Graph.Reference;

namespace Baka.Compiler.Fusion;

/// <summary>
/// Products A · op(B₁), A · op(B₂), … [m, n] and an elementwise program on them and on other values of as many elements,
/// from (A, B₁, …, others) in one kernel: memory is busy while the products are under way, and a product that only the
/// program reads is never stored.
/// </summary>
/// <param name="TransposeB">Whether each B is [n, k] and not [k, n].</param>
/// <param name="Products">How many.</param>
/// <param name="Keeps">Whether the products are outputs too, in front of the program's.</param>
/// <param name="Program">Its first inputs are the products.</param>
public sealed record FinishedProduct(bool TransposeB, int Products, bool Keeps, FusedElementwise Program) : Op
{
    public override bool IsPure => false;

    public MatMul Product => new(TransposeA: false, TransposeB);

    /// <summary>How many outputs are products.</summary>
    public int Kept => Keeps ? Products : 0;

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        TensorSpec[] products = [.. inputs.Skip(1).Take(Products).SelectMany(b => Product.Infer([inputs[0], b]))];
        return [.. products.Take(Kept), .. Program.Infer([.. products, .. inputs.Skip(1 + Products)])];
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) =>
        Products * Product.Flops([inputs[0], inputs[1]], outputs) + Program.Flops([], outputs);

    public override void Evaluate(Evaluation evaluation)
    {
        var inputs = Enumerable.Range(0, evaluation.InputCount).Select(evaluation.Input).ToArray();
        var products = inputs.Skip(1).Take(Products).Select(b =>
        {
            var product = new Value(Product.Infer([inputs[0].Spec, b.Spec])[0]);
            Product.Evaluate(new Evaluation(evaluation.Node, [inputs[0], b], [product]));
            return product;
        }).ToArray();
        Value[] results = [.. Program.Shapes.Select(s => new Value(new TensorSpec(DType.Float32, s)))];
        Program.Evaluate(new Evaluation(evaluation.Node, [.. products, .. inputs.Skip(1 + Products)], results));
        foreach (var (value, output) in products.Take(Kept).Concat(results).Select((v, i) => (v, i)))
        {
            value.Floats.CopyTo(evaluation.Floats(output), 0);
        }
    }
}
