using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

/// <summary>
/// A linear recurrence along the slots, with n states h [n] for every channel:
/// <c>h_t = a_t ⊙ h_{t−1} + b_t u_t</c>, <c>y_t = Σ_n c_tn h_tn</c>, where h_{t−1} counts as 0, whatever it holds, at
/// slots that begin something.
/// <para>Inputs: u [B, T, c]; begins [B, T], ≠ 0 where nothing lies before; state [B, n, c] before the first slot; then</para>
/// <para>for a constant recurrence: decay a [n, c]; readout c [n, c]. There b = 1 (the moving average of Mega, arXiv 2209.10655).</para>
/// <para>for a selective one: rate A [n, c] ≤ 0; readout c [B, T, n]; step s [B, T, c]; gain B [B, T, n]; bias [c]; skip D [c].
/// There a_t = exp(Δ_t A) and b_t = Δ_t B_t with Δ_t = softplus(s_t + bias), and D u_t is added to y_t (the state space of
/// Mamba, arXiv 2312.00752).</para>
/// <para>Outputs: y [B, T, c]; the state after the last slot [B, n, c]; the states before every
/// <see cref="ChunkLength"/>-th slot [B, chunks, n, c], from which the gradient computes those between anew.</para>
/// </summary>
/// <param name="Selective">Decay, gain and readout differ from slot to slot.</param>
public sealed record Scan(bool Selective) : Op
{
    /// <summary>Slots from one kept state to the next.</summary>
    public const int ChunkLength = 32;

    /// <summary>Places of the inputs.</summary>
    public const int Added = 0, Begins = 1, State = 2, Decay = 3, Readout = 4, Step = 5, Gain = 6, Bias = 7, Skip = 8;

    /// <summary>How many inputs there are.</summary>
    public static int Inputs(bool selective) => selective ? 9 : 5;

    public override string Kind => Selective ? "SelectiveScan" : "Scan";

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        Require(inputs.Count == Inputs(Selective), "takes u, begins, state, decay and readout, a selective one also step, gain, bias and skip");
        Require(inputs[Added].Shape.Rank == 3 && inputs[State].Shape.Rank == 3, $"takes u [rows, slots, channels] and a state [rows, states, channels], not {inputs[Added]} and {inputs[State]}");
        var (rows, slots, channels) = (inputs[Added].Shape[0], inputs[Added].Shape[1], inputs[Added].Shape[2]);
        var states = inputs[State].Shape[1];
        var perState = TensorSpec.Float(states, channels);
        RequireEqual("begins", inputs[Begins], TensorSpec.Float(rows, slots));
        RequireEqual("the state", inputs[State], TensorSpec.Float(rows, states, channels));
        RequireEqual("the decay", inputs[Decay], perState);
        RequireEqual("the readout", inputs[Readout], Selective ? TensorSpec.Float(rows, slots, states) : perState);
        if (Selective)
        {
            RequireEqual("the step", inputs[Step], inputs[Added]);
            RequireEqual("the gain", inputs[Gain], inputs[Readout]);
            RequireEqual("the bias", inputs[Bias], TensorSpec.Float(channels));
            RequireEqual("the skip", inputs[Skip], TensorSpec.Float(channels));
        }

        return [inputs[Added], inputs[State], TensorSpec.Float(rows, Chunks(slots), states, channels)];
    }

    /// <summary>How many states of so many slots are kept.</summary>
    public static int Chunks(int slots) => (slots + ChunkLength - 1) / ChunkLength;

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context)
    {
        Require(context.OutputGradients[2] is null, "the states that a scan keeps have no gradient");
        var final = context.OutputGradients[1];
        Tensor[] inputs = [.. context.Node.Inputs, context.Output(2), context.Upstream, .. final is null ? Array.Empty<Tensor>() : [final]];
        var backward = context.Node.Graph.AddNode(new ScanBackward(Selective, final is not null), inputs).Outputs;
        return [backward[0], null, .. backward.Skip(1)];
    }

    /// <summary>An exponential function counts as ten.</summary>
    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) =>
        inputs[Added].Shape.Count * inputs[State].Shape[1] * (Selective ? 16 : 4);

    public override void Evaluate(Evaluation evaluation) => ScanReference.Forward(evaluation, Selective);

    private static void RequireEqual(string name, TensorSpec actual, TensorSpec wanted) => Require(actual.Equals(wanted), $"{name} is {wanted}, not {actual}");
}

/// <summary>(du, dState, dDecay, dReadout[, dStep, dGain, dBias, dSkip]) of <see cref="Scan"/> from its inputs, the states it kept, dy and perhaps the gradient of its last state.</summary>
/// <param name="HasFinal">The last state has a gradient.</param>
public sealed record ScanBackward(bool Selective, bool HasFinal) : Op
{
    /// <summary>Places of the outputs that all channels share.</summary>
    public const int Readout = 3, Gain = 5;

    public override string Kind => Selective ? "SelectiveScanBackward" : "ScanBackward";

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs) =>
        [inputs[Scan.Added], .. inputs.Take(Scan.Inputs(Selective)).Skip(Scan.State)];

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) =>
        inputs[Scan.Added].Shape.Count * inputs[Scan.State].Shape[1] * (Selective ? 32 : 12);

    public override void Evaluate(Evaluation evaluation) => ScanReference.Backward(evaluation, this);
}
