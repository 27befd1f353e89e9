using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

/// <summary>C [m, n] = op(A) · op(B), where op transposes or not: A is [m, k] or [k, m], B is [k, n] or [n, k].</summary>
public sealed record MatMul(bool TransposeA, bool TransposeB) : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        Require(inputs is [{ Shape.Rank: 2, Type: DType.Float32 }, { Shape.Rank: 2, Type: DType.Float32 }], $"takes two f32 matrices, not {string.Join(" and ", inputs)}");
        var (m, k, n) = Sizes(inputs);
        var k2 = inputs[1].Shape[TransposeB ? 1 : 0];
        Require(k == k2, $"the inner extents {k} and {k2} of {inputs[0].Shape} and {inputs[1].Shape} differ");
        return [TensorSpec.Float(m, n)];
    }

    /// <summary>(m, k, n) of the product.</summary>
    public (int M, int K, int N) Sizes(IReadOnlyList<TensorSpec> inputs) =>
        (inputs[0].Shape[TransposeA ? 1 : 0], inputs[0].Shape[TransposeA ? 0 : 1], inputs[1].Shape[TransposeB ? 0 : 1]);

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs)
    {
        var (m, k, n) = Sizes(inputs);
        return 2L * m * k * n;
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context)
    {
        var (a, b, dc) = (context.Input(0), context.Input(1), context.Upstream);
        // C = A'B' with A' = op(A): dA' = dC·B'ᵀ, dB' = A'ᵀ·dC; a transposed operand gets the transposed product.
        var da = TransposeA ? b.MatMul(dc, TransposeB, true) : dc.MatMul(b, false, !TransposeB);
        var db = TransposeB ? dc.MatMul(a, true, TransposeA) : a.MatMul(dc, !TransposeA, false);
        return [da, db];
    }

    public override void Evaluate(Evaluation evaluation)
    {
        var (a, b, c) = (evaluation.In(0), evaluation.In(1), evaluation.Floats(0));
        var (m, k, n) = Sizes([evaluation.Input(0).Spec, evaluation.Input(1).Spec]);
        for (var i = 0; i < m; i++)
        {
            for (var j = 0; j < n; j++)
            {
                var sum = 0.0;
                for (var p = 0; p < k; p++)
                {
                    sum += (double)a[TransposeA ? p * m + i : i * k + p] * b[TransposeB ? j * k + p : p * n + j];
                }

                c[i * n + j] = (float)sum;
            }
        }
    }
}
