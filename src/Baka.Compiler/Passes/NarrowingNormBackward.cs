using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Graph.Reference;

namespace Baka.Compiler.Passes;

/// <summary>
/// What the gradient of a norm gives, of its first result [rows, h·g] only the first f values of every head: the gradient of
/// what <see cref="WideningNorm"/> widens.
/// </summary>
/// <param name="Inner"><see cref="NormBackward"/> or <see cref="NormBackwardAdd"/>, whose inputs this takes.</param>
/// <param name="Heads">h.</param>
/// <param name="Width">h·f.</param>
public sealed record NarrowingNormBackward(Op Inner, int Heads, int Width) : Op
{
    public override string Kind => $"{Inner.Kind}, narrowing";

    public NormBackward Norm => Inner is NormBackwardAdd sum ? sum.Norm : (NormBackward)Inner;

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        var results = Inner.Infer(inputs);
        var wide = results[0].Shape[1];
        Require(Width <= wide && Width % Heads == 0 && wide % Heads == 0, $"{Heads} heads cannot shrink from {wide} to {Width}");
        return [results[0] with { Shape = results[0].Shape.With(1, Width) }, .. results.Skip(1)];
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => Inner.Flops(inputs, outputs);

    public override void Evaluate(Evaluation evaluation)
    {
        var wide = new Value(evaluation.Input(0).Spec);
        Inner.Evaluate(new Evaluation(
            evaluation.Node,
            [.. Enumerable.Range(0, evaluation.InputCount).Select(evaluation.Input)],
            [wide, .. evaluation.Node.Outputs.Skip(1).Select(o => evaluation.Output(o.Index))]));
        var (f, g) = (Width / Heads, evaluation.InShape(0)[1] / Heads);
        for (var i = 0; i < evaluation.Floats(0).Length; i++)
        {
            evaluation.Floats(0)[i] = wide.Floats[i / f * g + i % f];
        }
    }
}
