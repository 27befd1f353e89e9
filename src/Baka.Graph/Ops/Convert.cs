using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

/// <summary>i32 to f32.</summary>
public sealed record ConvertToFloat : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        Require(inputs[0].Type == DType.Int32, $"takes i32, not {inputs[0]}");
        return [inputs[0] with { Type = DType.Float32 }];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context) => [null];

    public override void Evaluate(Evaluation evaluation)
    {
        var x = evaluation.IntsIn(0);
        var y = evaluation.Floats(0);
        for (var i = 0; i < y.Length; i++)
        {
            y[i] = x[i];
        }
    }
}

/// <summary>The same value, through which no gradient flows.</summary>
public sealed record Detach : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs) => [inputs[0]];

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context) => [null];

    public override void Evaluate(Evaluation evaluation) => evaluation.In(0).CopyTo(evaluation.Floats(0), 0);
}
