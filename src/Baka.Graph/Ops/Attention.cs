using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

/// <summary>
/// Multi-head softmax attention over windows with a past, rotary positions inside (RoFormer, arXiv 2104.09864).
/// <para>
/// Inputs: q, k, v [B, W·S, h·f]; first i32 [B·W]; last i32 [S]; position i32 [S]; optionally kPast, vPast [B, P, h·f].
/// q, and k with kPast, can be f wide instead: all heads share them then.
/// </para>
/// <para>Outputs: o [B, W·S, h·f]; lse [B, h, W·S], the log-sum-exp of the scaled scores.</para>
/// The keys of a row are one stream [past P | now W·S]. Window w sees the P + S stream slots from w·S on; of these,
/// query i sees those from <c>first[b, w]</c> to <c>last[i]</c> inclusive, counted from the window's first. No
/// visible slot gives 0. Slots that are not visible do not matter, not even if they hold NaN. A key's rotary
/// position is its place in the stream; query i of window w has position w·S + <c>position[i]</c>, where 0 ≤ <c>position[i]</c> &lt; P + S.
/// </summary>
/// <param name="Heads">h.</param>
/// <param name="Windows">W.</param>
/// <param name="Theta">Base of the rotary angles; 0 = no rotation.</param>
/// <param name="DetachPast">No gradient flows to keys and values before the query's own window.</param>
public sealed record Attention(int Heads, int Windows, float Theta, bool DetachPast) : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        Require(inputs.Count is 6 or 8, "takes q, k, v, first, last, position and perhaps a past");
        var (k, v) = (inputs[1].Shape, inputs[2].Shape);
        Require(v.Rank == 3, $"v is [rows, slots, width], not {inputs[2]}");
        Require(v[2] % Heads == 0, $"the width {v[2]} is no multiple of {Heads} heads");
        Require(Fits(inputs[0].Shape, v) && Fits(k, v), $"q and k are as wide as v or one head of it, not {inputs[0]}, {inputs[1]} for {inputs[2]}");
        Require(Theta == 0 || v[2] / Heads % 2 == 0, $"the head width {v[2] / Heads} is odd, so it has no pairs to rotate");
        Require(v[1] % Windows == 0, $"{v[1]} slots are no multiple of {Windows} windows");
        Require(inputs[3].Type == DType.Int32 && inputs[3].Shape.Count == (long)v[0] * Windows, $"first is i32[{v[0] * Windows}], not {inputs[3]}");
        Require(inputs[4].Type == DType.Int32 && inputs[4].Shape.Count == v[1] / Windows, $"last is i32[{v[1] / Windows}], not {inputs[4]}");
        Require(inputs[5].Equals(inputs[4]), $"position is {inputs[4]}, not {inputs[5]}");
        if (inputs.Count == 8)
        {
            var (kPast, vPast) = (inputs[6].Shape, inputs[7].Shape);
            Require(
                vPast.Rank == 3 && vPast[0] == v[0] && vPast[2] == v[2] && Fits(kPast, vPast) && kPast[2] == k[2],
                $"the past {inputs[6]}, {inputs[7]} does not fit {inputs[1]}, {inputs[2]}");
        }

        return [inputs[2], TensorSpec.Float(v[0], Heads, v[1])];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context)
    {
        var n = context.Node.Inputs.Count;
        Require(context.OutputGradients[1] is null, "the log-sum-exp of attention has no gradient");
        var pastGradient = n == 8 && (context.Needed[6] || context.Needed[7]) && !DetachPast;
        var inputs = context.Node.Inputs.Concat([context.Output(0), context.Output(1), context.Upstream]).ToArray();
        var backward = context.Node.Graph.AddNode(new AttentionBackward(this, pastGradient), inputs);
        Tensor Of(int input, int output)
        {
            var (to, gradient) = (context.Node.Inputs[input].Shape, backward.Outputs[output]);
            return gradient.Shape.Equals(to) ? gradient : gradient.Reshape(to[0], to[1], Heads, to[2]).Sum(2).Reshape(to);
        }

        Tensor?[] gradients = [Of(0, 0), Of(1, 1), Of(2, 2), null, null, null];
        return n == 6 ? gradients : [.. gradients, pastGradient ? Of(6, 3) : null, pastGradient ? Of(7, 4) : null];
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs)
    {
        // Causal: a query sees the whole past and on average half of its window.
        var past = inputs.Count == 8 ? inputs[6].Shape[1] : 0;
        return 4L * inputs[2].Shape.Count * (past + inputs[2].Shape[1] / Windows / 2);
    }

    public override void Evaluate(Evaluation evaluation) => AttentionReference.Forward(evaluation, this);

    private bool Fits(Shape x, Shape values) =>
        x.Rank == 3 && x[0] == values[0] && x[1] == values[1] && (x[2] == values[2] || x[2] == values[2] / Heads);
}

/// <summary>(dq, dk, dv[, dkPast, dvPast]) of <see cref="Attention"/> from its inputs, o, lse and do: h·f wide, also of what heads share.</summary>
public sealed record AttentionBackward(Attention Forward, bool PastGradient) : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs) =>
        PastGradient ? [inputs[2], inputs[2], inputs[2], inputs[7], inputs[7]] : [inputs[2], inputs[2], inputs[2]];

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) =>
        Forward.Flops([.. inputs.SkipLast(3)], outputs) / 2 * 5;

    public override void Evaluate(Evaluation evaluation) => AttentionReference.Backward(evaluation, this);
}
