using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

/// <summary>
/// Multi-head softmax attention over windows with a past, rotary positions inside (RoFormer, arXiv 2104.09864).
/// <para>Inputs: q, k, v [B, W·S, h·f]; first i32 [B·W]; last i32 [S]; position i32 [S]; optionally kPast, vPast [B, P, h·f].</para>
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
        var q = inputs[0].Shape;
        Require(q.Rank == 3 && inputs[1].Shape.Equals(q) && inputs[2].Shape.Equals(q), $"q, k and v are equal [rows, slots, width], not {inputs[0]}, {inputs[1]}, {inputs[2]}");
        Require(q[2] % Heads == 0, $"the width {q[2]} is no multiple of {Heads} heads");
        Require(Theta == 0 || q[2] / Heads % 2 == 0, $"the head width {q[2] / Heads} is odd, so it has no pairs to rotate");
        Require(q[1] % Windows == 0, $"{q[1]} slots are no multiple of {Windows} windows");
        Require(inputs[3].Type == DType.Int32 && inputs[3].Shape.Count == (long)q[0] * Windows, $"first is i32[{q[0] * Windows}], not {inputs[3]}");
        Require(inputs[4].Type == DType.Int32 && inputs[4].Shape.Count == q[1] / Windows, $"last is i32[{q[1] / Windows}], not {inputs[4]}");
        Require(inputs[5].Equals(inputs[4]), $"position is {inputs[4]}, not {inputs[5]}");
        if (inputs.Count == 8)
        {
            var past = inputs[6].Shape;
            Require(past.Rank == 3 && past[0] == q[0] && past[2] == q[2] && inputs[7].Shape.Equals(past), $"the past {inputs[6]}, {inputs[7]} does not fit {q}");
        }

        return [inputs[0], TensorSpec.Float(q[0], Heads, q[1])];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context)
    {
        var n = context.Node.Inputs.Count;
        Require(context.OutputGradients[1] is null, "the log-sum-exp of attention has no gradient");
        var pastGradient = n == 8 && (context.Needed[6] || context.Needed[7]) && !DetachPast;
        var inputs = context.Node.Inputs.Concat([context.Output(0), context.Output(1), context.Upstream]).ToArray();
        var backward = context.Node.Graph.AddNode(new AttentionBackward(this, pastGradient), inputs);
        Tensor?[] gradients = [backward.Outputs[0], backward.Outputs[1], backward.Outputs[2], null, null, null];
        return n == 6 ? gradients : [.. gradients, pastGradient ? backward.Outputs[3] : null, pastGradient ? backward.Outputs[4] : null];
    }

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs)
    {
        // Causal: a query sees the whole past and on average half of its window.
        var past = inputs.Count == 8 ? inputs[6].Shape[1] : 0;
        return 4L * inputs[0].Shape.Count * (past + inputs[0].Shape[1] / Windows / 2);
    }

    public override void Evaluate(Evaluation evaluation) => AttentionReference.Forward(evaluation, this);
}

/// <summary>(dq, dk, dv[, dkPast, dvPast]) of <see cref="Attention"/> from its inputs, o, lse and do.</summary>
public sealed record AttentionBackward(Attention Forward, bool PastGradient) : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs) =>
        PastGradient ? [inputs[0], inputs[1], inputs[2], inputs[6], inputs[7]] : [inputs[0], inputs[1], inputs[2]];

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) =>
        Forward.Flops([.. inputs.SkipLast(3)], outputs) / 2 * 5;

    public override void Evaluate(Evaluation evaluation) => AttentionReference.Backward(evaluation, this);
}
