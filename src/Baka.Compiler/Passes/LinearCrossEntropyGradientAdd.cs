using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Graph.Reference;

namespace Baka.Compiler.Passes;

/// <summary>What a <see cref="LinearCrossEntropyGradient"/> gives from (x, w, targets, upstream, C), but C + dw in the place of dw.</summary>
public sealed record LinearCrossEntropyGradientAdd(LinearCrossEntropyGradient Computed) : Op, IAddsToOperand
{
    public int Addend => 4;

    public int Sum => Computed.WeightAt!.Value;

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        var gradient = Computed.Infer([.. inputs.Take(4)]);
        Require(inputs[4].Equals(gradient[Sum]), $"{inputs[4]} cannot be added to {gradient[Sum]}");
        return gradient;
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) =>
        Computed.Flops(inputs, outputs);

    public override void Evaluate(Evaluation evaluation)
    {
        Computed.Evaluate(evaluation);
        for (var i = 0; i < evaluation.Floats(Sum).Length; i++)
        {
            evaluation.Floats(Sum)[i] += evaluation.In(4)[i];
        }
    }
}
