using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Graph.Reference;

namespace Baka.Compiler.Passes;

/// <summary>C + the scattered rows, from (x, index, C): see <see cref="ScatterRows"/>.</summary>
public sealed record ScatterRowsAdd(ScatterRows Scatter) : Op, IAddsToOperand
{
    public int Addend => 2;

    public int Sum => 0;

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        var scattered = Scatter.Infer([inputs[0], inputs[1]]);
        Require(inputs[2].Equals(scattered[0]), $"{inputs[2]} cannot be added to {scattered[0]}");
        return scattered;
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => inputs[0].Shape.Count;

    public override void Evaluate(Evaluation evaluation)
    {
        evaluation.In(2).CopyTo(evaluation.Floats(0), 0);
        Scatter.Evaluate(evaluation);
    }
}
