using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

/// <summary>The sum of the squares of all elements of any number of f32 tensors, a scalar: the global gradient norm, squared.</summary>
public sealed record SumOfSquares : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        Require(inputs.Count > 0 && inputs.All(i => i.Type == DType.Float32), $"takes f32 tensors, not {string.Join(", ", inputs)}");
        return [new(DType.Float32, Shape.Scalar)];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context) =>
        [.. context.Node.Inputs.Select(x => x * (2f * context.Upstream))];

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => 2 * inputs.Sum(i => i.Shape.Count);

    public override void Evaluate(Evaluation evaluation)
    {
        var sum = 0.0;
        for (var i = 0; i < evaluation.InputCount; i++)
        {
            foreach (var x in evaluation.In(i))
            {
                sum += (double)x * x;
            }
        }

        evaluation.Floats(0)[0] = (float)sum;
    }
}
