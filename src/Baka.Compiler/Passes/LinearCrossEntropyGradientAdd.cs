using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Graph.Reference;

namespace Baka.Compiler.Passes;

/// <summary>(nll, dx, C + dw) from (x, w, targets, upstream, C): see <see cref="LinearCrossEntropyGradient"/>.</summary>
public sealed record LinearCrossEntropyGradientAdd : Op, IAddsToOperand
{
    public int Addend => 4;

    public int Sum => 2;

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        var gradient = new LinearCrossEntropyGradient().Infer([.. inputs.Take(4)]);
        Require(inputs[4].Equals(gradient[2]), $"{inputs[4]} cannot be added to {gradient[2]}");
        return gradient;
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) =>
        new LinearCrossEntropyGradient().Flops(inputs, outputs);

    public override void Evaluate(Evaluation evaluation)
    {
        new LinearCrossEntropyGradient().Evaluate(evaluation);
        for (var i = 0; i < evaluation.Floats(2).Length; i++)
        {
            evaluation.Floats(2)[i] += evaluation.In(4)[i];
        }
    }
}
