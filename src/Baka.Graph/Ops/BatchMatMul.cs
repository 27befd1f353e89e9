using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

/// <summary>The product of every pair of matrices: C [b, m, n] = op(A) · op(B), where op transposes or not: A is [b, m, k] or [b, k, m], B is [b, k, n] or [b, n, k].</summary>
public sealed record BatchMatMul(bool TransposeA, bool TransposeB) : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        Require(inputs is [{ Shape.Rank: 3, Type: DType.Float32 }, { Shape.Rank: 3, Type: DType.Float32 }], $"takes two f32 batches of matrices, not {string.Join(" and ", inputs)}");
        Require(inputs[0].Shape[0] == inputs[1].Shape[0], $"{inputs[0].Shape} and {inputs[1].Shape} have different numbers of matrices");
        var (m, k, n) = Sizes(inputs[0].Shape, inputs[1].Shape);
        var k2 = inputs[1].Shape[TransposeB ? 2 : 1];
        Require(k == k2, $"the inner extents {k} and {k2} of {inputs[0].Shape} and {inputs[1].Shape} differ");
        return [TensorSpec.Float(inputs[0].Shape[0], m, n)];
    }

    /// <summary>(m, k, n) of each product.</summary>
    public (int M, int K, int N) Sizes(Shape a, Shape b) => (a[TransposeA ? 2 : 1], a[TransposeA ? 1 : 2], b[TransposeB ? 1 : 2]);

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs)
    {
        var (m, k, n) = Sizes(inputs[0].Shape, inputs[1].Shape);
        return 2L * inputs[0].Shape[0] * m * k * n;
    }

    /// <summary>As of <see cref="MatMul"/>.</summary>
    public override IReadOnlyList<Tensor?> Gradient(GradientContext context)
    {
        var (a, b, dc) = (context.Input(0), context.Input(1), context.Upstream);
        var da = TransposeA ? b.BatchMatMul(dc, TransposeB, true) : dc.BatchMatMul(b, false, !TransposeB);
        var db = TransposeB ? dc.BatchMatMul(a, true, TransposeA) : a.BatchMatMul(dc, !TransposeA, false);
        return [context.Needed[0] ? da : null, context.Needed[1] ? db : null];
    }

    public override void Evaluate(Evaluation evaluation)
    {
        var (a, b, c) = (evaluation.In(0), evaluation.In(1), evaluation.Floats(0));
        var (m, k, n) = Sizes(evaluation.InShape(0), evaluation.InShape(1));
        for (var at = 0; at < c.Length; at++)
        {
            var (batch, i, j) = (at / (m * n), at / n % m, at % n);
            var sum = 0.0;
            for (var p = 0; p < k; p++)
            {
                sum += (double)a[batch * m * k + (TransposeA ? p * m + i : i * k + p)] * b[batch * k * n + (TransposeB ? j * k + p : p * n + j)];
            }

            c[at] = (float)sum;
        }
    }
}
