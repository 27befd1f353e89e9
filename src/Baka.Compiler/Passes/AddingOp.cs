using Baka.Graph;
using Baka.Graph.Reference;

namespace Baka.Compiler.Passes;

/// <summary>
/// What another op gives, one result of which is added to a further operand, the last. In a plan the sum takes that
/// operand's place where nobody else reads it.
/// </summary>
/// <param name="Inner">The other op.</param>
/// <param name="Addend">Which input is added to.</param>
/// <param name="Sum">Which output is the sum.</param>
public abstract record AddingOp(Op Inner, int Addend, int Sum) : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        var results = Inner.Infer([.. inputs.Take(Addend)]);
        Require(inputs[Addend].Equals(results[Sum]), $"{inputs[Addend]} cannot be added to {results[Sum]}");
        return results;
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => Inner.Flops(inputs, outputs);

    public override void Evaluate(Evaluation evaluation)
    {
        Inner.Evaluate(evaluation);
        for (var i = 0; i < evaluation.Floats(Sum).Length; i++)
        {
            evaluation.Floats(Sum)[i] += evaluation.In(Addend)[i];
        }
    }
}
