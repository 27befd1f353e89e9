using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Graph.Reference;

namespace Baka.Compiler.Passes;

/// <summary>
/// The second half of a <see cref="StepLinear"/> whose weight is cut into n blocks: from P [g, h + T, n·d], where block
/// j holds the positions mapped by the weight's j-th part, y_t = Σ_j P[h + t − (n − 1) + j, block j] [g, T, d], 0 where
/// the step does not reach.
/// </summary>
public sealed record StepSum(int Width, int Stride, int History) : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        var shape = inputs[0].Shape;
        Require(shape.Rank == 3 && shape[2] % Width == 0 && shape[1] > History, $"takes [groups, {History} + positions, {Width}·width], not {shape}");
        return [TensorSpec.Float(shape[0], shape[1] - History, shape[2] / Width)];
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => outputs[0].Shape.Count * Width;

    public override void Evaluate(Evaluation evaluation)
    {
        var shape = evaluation.InShape(0);
        StepWalk.Visit(shape[0], shape[1] - History, shape[2] / Width, this, (from, to) => evaluation.Floats(0)[to] += evaluation.In(0)[from]);
    }
}

/// <summary>The adjoint of <see cref="StepSum"/>: dy [g, T, d] → dP [g, h + T, n·d].</summary>
public sealed record StepSpread(StepSum Forward) : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        var shape = inputs[0].Shape;
        return [TensorSpec.Float(shape[0], Forward.History + shape[1], Forward.Width * shape[2])];
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => 0;

    public override void Evaluate(Evaluation evaluation)
    {
        var shape = evaluation.InShape(0);
        StepWalk.Visit(shape[0], shape[1], shape[2], Forward, (to, from) => evaluation.Floats(0)[to] += evaluation.In(0)[from]);
    }
}

internal static class StepWalk
{
    /// <summary>Visits the pairs (place in P, place in y) that belong together.</summary>
    public static void Visit(int groups, int positions, int width, StepSum op, Action<int, int> pair)
    {
        for (var g = 0; g < groups; g++)
        {
            for (var t = 0; t < positions; t++)
            {
                for (var j = 0; StepLinear.Reaches(t, positions, op.Width, op.Stride, op.History) && j < op.Width; j++)
                {
                    var row = g * (op.History + positions) + op.History + t - (op.Width - 1) + j;
                    for (var i = 0; i < width; i++)
                    {
                        pair((row * op.Width + j) * width + i, (g * positions + t) * width + i);
                    }
                }
            }
        }
    }
}
