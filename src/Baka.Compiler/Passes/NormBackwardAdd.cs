using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Graph.Reference;

namespace Baka.Compiler.Passes;

/// <summary>(C + dx, dw) from (x, w, statistics, dy, C): see <see cref="NormBackward"/>. C is the gradient that goes past the norm.</summary>
public sealed record NormBackwardAdd(NormBackward Norm) : Op, IAddsToOperand
{
    public int Addend => 4;

    public int Sum => 0;

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        var gradient = Norm.Infer([.. inputs.Take(4)]);
        Require(inputs[4].Equals(gradient[0]), $"{inputs[4]} cannot be added to {gradient[0]}");
        return gradient;
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => Norm.Flops(inputs, outputs) + inputs[4].Shape.Count;

    public override void Evaluate(Evaluation evaluation)
    {
        Norm.Evaluate(evaluation);
        for (var i = 0; i < evaluation.Floats(0).Length; i++)
        {
            evaluation.Floats(0)[i] += evaluation.In(4)[i];
        }
    }
}
