using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

/// <summary>y [n, d]: row i is row <c>index[i]</c> of x [r, d], or zero where the index is −1. Embeddings are this.</summary>
public sealed record GatherRows : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        RowOps.RequireRows(inputs[0]);
        RowOps.RequireIndex(inputs[1]);
        return [TensorSpec.Float(inputs[1].Shape[0], inputs[0].Shape[1])];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context) =>
        [context.Upstream.ScatterRows(context.Input(1), context.Input(0).Shape[0]), null];

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => 0;

    public override void Evaluate(Evaluation evaluation)
    {
        var d = evaluation.InShape(0)[1];
        var index = evaluation.IntsIn(1);
        for (var i = 0; i < index.Length; i++)
        {
            if (index[i] >= 0)
            {
                evaluation.In(0).AsSpan(index[i] * d, d).CopyTo(evaluation.Floats(0).AsSpan(i * d));
            }
        }
    }
}

/// <summary>y [r, d]: the sum of the rows x [n, d] with index i in row i; rows with index −1 go nowhere.</summary>
public sealed record ScatterRows(int Rows) : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        RowOps.RequireRows(inputs[0]);
        RowOps.RequireIndex(inputs[1]);
        Require(inputs[0].Shape[0] == inputs[1].Shape[0], $"{inputs[0].Shape} and {inputs[1].Shape} differ in rows");
        return [TensorSpec.Float(Rows, inputs[0].Shape[1])];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context) => [context.Upstream.GatherRows(context.Input(1)), null];

    public override void Evaluate(Evaluation evaluation)
    {
        var d = evaluation.InShape(0)[1];
        var index = evaluation.IntsIn(1);
        for (var i = 0; i < index.Length; i++)
        {
            for (var j = 0; index[i] >= 0 && j < d; j++)
            {
                evaluation.Floats(0)[index[i] * d + j] += evaluation.In(0)[i * d + j];
            }
        }
    }
}

/// <summary>x [r, d] with the rows named by an index [n] replaced by the rows of y [n, d]. Used for caches that fill row by row.</summary>
public sealed record ReplaceRows : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        RowOps.RequireRows(inputs[0]);
        RowOps.RequireRows(inputs[1]);
        RowOps.RequireIndex(inputs[2]);
        Require(inputs[0].Shape[1] == inputs[1].Shape[1] && inputs[1].Shape[0] == inputs[2].Shape[0], $"{string.Join(", ", inputs)} do not fit");
        return [inputs[0]];
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => 0;

    public override void Evaluate(Evaluation evaluation)
    {
        var d = evaluation.InShape(0)[1];
        evaluation.In(0).CopyTo(evaluation.Floats(0), 0);
        var index = evaluation.IntsIn(2);
        for (var i = 0; i < index.Length; i++)
        {
            evaluation.In(1).AsSpan(i * d, d).CopyTo(evaluation.Floats(0).AsSpan(index[i] * d));
        }
    }
}

internal static class RowOps
{
    public static void RequireRows(TensorSpec spec)
    {
        if (spec is not { Type: DType.Float32, Shape.Rank: 2 })
        {
            throw new GraphException($"rows are an f32 matrix, not {spec}");
        }
    }

    public static void RequireIndex(TensorSpec spec)
    {
        if (spec is not { Type: DType.Int32, Shape.Rank: 1 })
        {
            throw new GraphException($"an index is an i32 vector, not {spec}");
        }
    }
}
