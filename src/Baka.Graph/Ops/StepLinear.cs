using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

/// <summary>
/// StepForward: y_t = W [x_{t−n+1}; …; x_t], the newest position last in W [d_out, n·d]. x is [g, h + T, d] with
/// <c>h = History</c> rows in front of the T positions; y [g, T, d_out] is 0 where fewer than n inputs exist and
/// where (T − 1 − t) mod Stride ≠ 0.
/// </summary>
public sealed record StepLinear(int Width, int Stride, int History) : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        Require(inputs is [{ Shape.Rank: 3 }, { Shape.Rank: 2 }], $"takes [groups, positions, width] and a matrix, not {string.Join(" and ", inputs)}");
        var (x, w) = (inputs[0].Shape, inputs[1].Shape);
        Require(w[1] == Width * x[2], $"a weight for {Width} inputs of {x[2]} is [·, {Width * x[2]}], not {w}");
        Require(Stride >= 1 && History >= 0 && x[1] > History, $"{x[1]} positions with {History} of history leave none");
        return [TensorSpec.Float(x[0], x[1] - History, w[0])];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context)
    {
        var wanted = WantedGradients.Of(context);
        return wanted.From(context.Node.Graph.AddNode(new StepLinearBackward(this, wanted), [context.Input(0), context.Input(1), context.Upstream]), first: 0);
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) =>
        2L * outputs[0].Shape.Count / Stride * inputs[1].Shape[1];

    /// <summary>Whether position t of T has a value.</summary>
    public static bool Reaches(int t, int positions, int width, int stride, int history) =>
        history + t >= width - 1 && (positions - 1 - t) % stride == 0;

    public override void Evaluate(Evaluation evaluation)
    {
        var (shape, dOut) = (evaluation.InShape(0), evaluation.InShape(1)[0]);
        var (groups, rows, d) = (shape[0], shape[1], shape[2]);
        var positions = rows - History;
        for (var g = 0; g < groups; g++)
        {
            for (var t = 0; t < positions; t++)
            {
                if (!Reaches(t, positions, Width, Stride, History))
                {
                    continue;
                }

                var x = evaluation.In(0).AsSpan((g * rows + History + t - Width + 1) * d, Width * d);
                for (var o = 0; o < dOut; o++)
                {
                    var sum = 0.0;
                    for (var j = 0; j < x.Length; j++)
                    {
                        sum += (double)x[j] * evaluation.In(1)[o * x.Length + j];
                    }

                    evaluation.Floats(0)[(g * positions + t) * dOut + o] = (float)sum;
                }
            }
        }
    }
}

/// <summary>What is wanted of dx and dW of <see cref="StepLinear"/> from (x, W, dy).</summary>
public sealed record StepLinearBackward(StepLinear Forward, WantedGradients Wanted) : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs) => [.. Wanted.Choose(inputs[0], inputs[1])];

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) =>
        2L * outputs.Count * inputs[2].Shape.Count / Forward.Stride * inputs[1].Shape[1];

    public override void Evaluate(Evaluation evaluation)
    {
        var (width, history) = (Forward.Width, Forward.History);
        var (shape, dOut) = (evaluation.InShape(0), evaluation.InShape(1)[0]);
        var (groups, rows, d) = (shape[0], shape[1], shape[2]);
        var positions = rows - history;
        var (dx, dw) = (new double[shape.Count], new double[evaluation.In(1).Length]);
        for (var g = 0; g < groups; g++)
        {
            for (var t = 0; t < positions; t++)
            {
                if (!StepLinear.Reaches(t, positions, width, Forward.Stride, history))
                {
                    continue;
                }

                var start = (g * rows + history + t - width + 1) * d;
                for (var o = 0; o < dOut; o++)
                {
                    double dy = evaluation.In(2)[(g * positions + t) * dOut + o];
                    for (var j = 0; j < width * d; j++)
                    {
                        dx[start + j] += dy * evaluation.In(1)[o * width * d + j];
                        dw[o * width * d + j] += dy * evaluation.In(0)[start + j];
                    }
                }
            }
        }

        foreach (var (output, gradient) in Wanted.Choose(dx, dw).Index())
        {
            for (var i = 0; i < gradient.Length; i++)
            {
                evaluation.Floats(output)[i] = (float)gradient[i];
            }
        }
    }
}
