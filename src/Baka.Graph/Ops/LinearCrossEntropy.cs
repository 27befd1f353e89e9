using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

/// <summary>
/// Negative log-likelihood (nats) of each row's target under softmax(x wᵀ): x [n, d], w [V, d], targets i32 [n]
/// (−1 = not predicted, 0 nats) → [n]. The logits [n, V] never exist as a whole.
/// Second output: correct [n], 1 where the target is the argmax of the logits, of equal ones the first; else 0.
/// </summary>
public sealed record LinearCrossEntropy : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        RowOps.RequireRows(inputs[0]);
        RowOps.RequireRows(inputs[1]);
        RowOps.RequireIndex(inputs[2]);
        Require(inputs[0].Shape[1] == inputs[1].Shape[1], $"the width of {inputs[0].Shape} and of the vocabulary {inputs[1].Shape} differ");
        Require(inputs[0].Shape[0] == inputs[2].Shape[0], $"{inputs[0].Shape} and the targets {inputs[2].Shape} differ in rows");
        var perRow = TensorSpec.Float(inputs[0].Shape[0]);
        return [perRow, perRow];
    }

    /// <summary>
    /// The upstream gradient is known before the loss is (the loss is a mean), so value and gradient come from one
    /// pass over the logits; the forward node then has no other reader and the compiler takes the loss from here.
    /// </summary>
    public override IReadOnlyList<Tensor?> Gradient(GradientContext context)
    {
        Require(context.OutputGradients[1] is null, "whether a target is the argmax has no gradient");
        var wanted = WantedGradients.Of(context);
        var node = context.Node.Graph.AddNode(new LinearCrossEntropyGradient(wanted), [context.Input(0), context.Input(1), context.Input(2), context.Upstream]);
        return [.. wanted.From(node, first: 1), null];
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) =>
        (2L * inputs[0].Shape[1] + 4) * inputs[0].Shape[0] * inputs[1].Shape[0];

    public override void Evaluate(Evaluation evaluation)
    {
        for (var i = 0; i < evaluation.InShape(0)[0]; i++)
        {
            var target = evaluation.IntsIn(2)[i];
            if (target >= 0)
            {
                var (logits, logSum) = Logits(evaluation, i);
                evaluation.Floats(0)[i] = (float)(logSum - logits[target]);
                evaluation.Floats(1)[i] = Array.IndexOf(logits, logits.Max()) == target ? 1 : 0;
            }
        }
    }

    internal static (double[] Logits, double LogSum) Logits(Evaluation evaluation, int row)
    {
        var (d, vocabulary) = (evaluation.InShape(1)[1], evaluation.InShape(1)[0]);
        var logits = new double[vocabulary];
        for (var v = 0; v < vocabulary; v++)
        {
            for (var j = 0; j < d; j++)
            {
                logits[v] += (double)evaluation.In(0)[row * d + j] * evaluation.In(1)[v * d + j];
            }
        }

        var max = logits.Max();
        return (logits, max + Math.Log(logits.Sum(l => Math.Exp(l - max))));
    }
}

/// <summary>nll [n] of <see cref="LinearCrossEntropy"/> and what is wanted of dx and dw in one pass, from (x, w, targets, upstream [n]).</summary>
public sealed record LinearCrossEntropyGradient(WantedGradients Wanted) : Op
{
    /// <summary>Which output is dx.</summary>
    public int? InputAt => Wanted.InputAt(first: 1);

    /// <summary>Which output is dw.</summary>
    public int? WeightAt => Wanted.WeightAt(first: 1);

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        var nll = new LinearCrossEntropy().Infer(inputs);
        Require(inputs[3].Equals(nll[0]), $"the upstream gradient is {nll[0]}, not {inputs[3]}");
        return [nll[0], .. Wanted.Choose(inputs[0], inputs[1])];
    }

    // A product for the logits and one for each gradient.
    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) =>
        (2L * outputs.Count * inputs[0].Shape[1] + 6) * inputs[0].Shape[0] * inputs[1].Shape[0];

    public override void Evaluate(Evaluation evaluation)
    {
        var (d, vocabulary) = (evaluation.InShape(1)[1], evaluation.InShape(1)[0]);
        var dw = new double[vocabulary * d];
        for (var i = 0; i < evaluation.InShape(0)[0]; i++)
        {
            var target = evaluation.IntsIn(2)[i];
            if (target < 0)
            {
                continue;
            }

            var (logits, logSum) = LinearCrossEntropy.Logits(evaluation, i);
            evaluation.Floats(0)[i] = (float)(logSum - logits[target]);
            var dx = new double[d];
            for (var v = 0; v < vocabulary; v++)
            {
                var g = evaluation.In(3)[i] * (Math.Exp(logits[v] - logSum) - (v == target ? 1 : 0));
                for (var j = 0; j < d; j++)
                {
                    dx[j] += g * evaluation.In(1)[v * d + j];
                    dw[v * d + j] += g * evaluation.In(0)[i * d + j];
                }
            }

            for (var j = 0; InputAt is { } output && j < d; j++)
            {
                evaluation.Floats(output)[i * d + j] = (float)dx[j];
            }
        }

        for (var i = 0; WeightAt is { } output && i < dw.Length; i++)
        {
            evaluation.Floats(output)[i] = (float)dw[i];
        }
    }
}
