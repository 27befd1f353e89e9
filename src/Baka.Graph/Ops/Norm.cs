using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

/// <summary>
/// y = (x − μ) / √(mean((x − μ)²) + ε) ⊙ w over the last axis of x [rows, d], w [d]; μ = 0 for RMSNorm
/// (arXiv 1910.07467), the mean for a centered norm, which is LayerNorm (arXiv 1607.06450) without bias.
/// Second output: statistics [rows, 2] = (μ, 1/√…).
/// </summary>
public sealed record Norm(bool Centered, float Epsilon) : Op
{
    public override string Kind => Centered ? "LayerNorm" : "RmsNorm";

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        RowOps.RequireRows(inputs[0]);
        Require(inputs[1].Shape.Equals(new Shape(inputs[0].Shape[1])), $"the weight {inputs[1].Shape} does not fit {inputs[0].Shape}");
        return [inputs[0], TensorSpec.Float(inputs[0].Shape[0], 2)];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context)
    {
        Require(context.OutputGradients[1] is null, "the statistics of a norm have no gradient");
        var backward = context.Node.Graph.AddNode(new NormBackward(Centered, context.Needed[1]), [context.Input(0), context.Input(1), context.Output(1), context.Upstream]);
        return [backward.Outputs[0], backward.Outputs.ElementAtOrDefault(1)];
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => 4 * inputs[0].Shape.Count;

    public override void Evaluate(Evaluation evaluation)
    {
        var d = evaluation.InShape(0)[1];
        var (x, w) = (evaluation.In(0), evaluation.In(1));
        for (var r = 0; r < evaluation.InShape(0)[0]; r++)
        {
            var row = x.AsSpan(r * d, d);
            double mean = 0, square = 0;
            foreach (var value in row)
            {
                mean += Centered ? (double)value / d : 0;
            }

            foreach (var value in row)
            {
                square += (value - mean) * (value - mean);
            }

            var scale = 1 / Math.Sqrt(square / d + Epsilon);
            for (var i = 0; i < d; i++)
            {
                evaluation.Floats(0)[r * d + i] = (float)((row[i] - mean) * scale * w[i]);
            }

            evaluation.Floats(1)[2 * r] = (float)mean;
            evaluation.Floats(1)[2 * r + 1] = (float)scale;
        }
    }
}

/// <summary>dx of <see cref="Norm"/>, and dw where it is wanted, from (x, w, statistics, dy).</summary>
public sealed record NormBackward(bool Centered, bool OfWeight) : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs) => OfWeight ? [inputs[0], inputs[1]] : [inputs[0]];

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => (OfWeight ? 8 : 6) * inputs[0].Shape.Count;

    public override void Evaluate(Evaluation evaluation)
    {
        var d = evaluation.InShape(0)[1];
        var (x, w, stats, dy) = (evaluation.In(0), evaluation.In(1), evaluation.In(2), evaluation.In(3));
        var dw = new double[d];
        for (var r = 0; r < evaluation.InShape(0)[0]; r++)
        {
            double mean = stats[2 * r], scale = stats[2 * r + 1], g = 0, gx = 0;
            for (var i = 0; i < d; i++)
            {
                var normed = (x[r * d + i] - mean) * scale;
                g += (double)dy[r * d + i] * w[i] / d;
                gx += (double)dy[r * d + i] * w[i] * normed / d;
                dw[i] += dy[r * d + i] * normed;
            }

            for (var i = 0; i < d; i++)
            {
                var normed = (x[r * d + i] - mean) * scale;
                evaluation.Floats(0)[r * d + i] = (float)(scale * ((double)dy[r * d + i] * w[i] - (Centered ? g : 0) - normed * gx));
            }
        }

        for (var i = 0; OfWeight && i < d; i++)
        {
            evaluation.Floats(1)[i] = (float)dw[i];
        }
    }
}
