using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Graph.Reference;

namespace Baka.Compiler.Passes;

/// <summary>
/// A norm of heads that it widens first, zeros at the end of each: x [rows, h·f], w [h·g], g ≥ f → y [rows, h·g],
/// statistics [rows, 2], the widened x [rows, h·g].
/// </summary>
/// <param name="Heads">h.</param>
public sealed record WideningNorm(Norm Norm, int Heads) : Op
{
    /// <summary>Which output is the widened x.</summary>
    public const int Widened = 2;

    public override string Kind => $"{Norm.Kind}, widening";

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        var (narrow, wide) = (inputs[0].Shape[1], inputs[1].Shape[0]);
        Require(narrow <= wide && narrow % Heads == 0 && wide % Heads == 0, $"{Heads} heads cannot grow from {narrow} to {wide}");
        var widened = inputs[0] with { Shape = inputs[0].Shape.With(1, wide) };
        return [.. Norm.Infer([widened, inputs[1]]), widened];
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => Norm.Flops([outputs[Widened], inputs[1]], outputs);

    public override void Evaluate(Evaluation evaluation)
    {
        var (f, g) = (evaluation.InShape(0)[1] / Heads, evaluation.InShape(1)[0] / Heads);
        var (x, widened) = (evaluation.In(0), evaluation.Output(Widened));
        for (var i = 0; i < x.Length; i++)
        {
            widened.Floats[i / f * g + i % f] = x[i];
        }

        Norm.Evaluate(new Evaluation(evaluation.Node, [widened, evaluation.Input(1)], [evaluation.Output(0), evaluation.Output(1)]));
    }
}
