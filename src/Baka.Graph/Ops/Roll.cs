using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

/// <summary>
/// Rolls the features of every slot inside their cycles, by as many places as the slot says: of a cycle that begins at
/// feature s and is c long, y_t[s + (j + shift_t) mod c] = x_t[s + j]. This is a permutation of the features to the power of
/// shift_t, since features can be numbered so that its cycles lie one after the other.
/// <para>Inputs: x [B, h, T, f]; shift i32 [T]; first i32 [h·f], the feature with which each feature's cycle begins; length
/// i32 [h·f], that of the cycle. Heads have cycles of their own.</para>
/// </summary>
/// <param name="Back">By −shift instead.</param>
public sealed record Roll(bool Back) : Op
{
    internal const int Features = 0, Shift = 1, First = 2, Length = 3;

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        Require(inputs.Count == 4, "takes features, shift, first and length");
        Require(inputs[Features] is { Shape.Rank: 4, Type: DType.Float32 }, $"rolls f32 features [rows, heads, slots, width], not {inputs[Features]}");
        var shape = inputs[Features].Shape;
        var perFeature = new TensorSpec(DType.Int32, new Shape(shape[1] * shape[3]));
        Require(inputs[Shift].Equals(new TensorSpec(DType.Int32, new Shape(shape[2]))), $"shift is one i32 for each of {shape[2]} slots, not {inputs[Shift]}");
        Require(inputs[First].Equals(perFeature) && inputs[Length].Equals(perFeature), $"first and length are {perFeature}, not {inputs[First]} and {inputs[Length]}");
        return [inputs[Features]];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context) =>
        [context.Node.Graph.Add(new Roll(!Back), [context.Upstream, context.Input(Shift), context.Input(First), context.Input(Length)]), null, null, null];

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => 0;

    public override void Evaluate(Evaluation evaluation)
    {
        var shape = evaluation.InShape(Features);
        var (heads, slots, width) = (shape[1], shape[2], shape[3]);
        var (x, y) = (evaluation.In(Features), evaluation.Floats(0));
        var (shift, first, length) = (evaluation.IntsIn(Shift), evaluation.IntsIn(First), evaluation.IntsIn(Length));
        for (var i = 0; i < y.Length; i++)
        {
            var (slot, feature) = (i / width % slots, i % width);
            var of = i / (width * slots) % heads * width + feature;
            var place = (feature - first[of] + (Back ? shift[slot] : -shift[slot])) % length[of];
            y[i] = x[i - feature + first[of] + (place < 0 ? place + length[of] : place)];
        }
    }
}
