using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Model.Passes;

namespace Baka.Model.Modules;

/// <summary>A linear recurrence over the slots of a document, n states for every channel.</summary>
internal sealed class Recurrence : Module
{
    private readonly RunningState _state;

    /// <param name="name">Of the module it is a part of.</param>
    public Recurrence(string name, int states, int channels)
        : base(name) => _state = Part(new RunningState(name, "state", states, channels));

    /// <summary>h_t = a ⊙ h_{t−1} + u_t, y_t = Σ_n c_n h_tn: u [N, c], decay a and readout c [n, c] → y [N, c].</summary>
    public Tensor Apply(Pass pass, Tensor u, Tensor decay, Tensor readout) => Apply(pass, new Scan(Selective: false), u, [decay, readout]);

    /// <summary>
    /// h_t = exp(Δ_t A) ⊙ h_{t−1} + Δ_t u_t b_t, y_t = Σ_n c_tn h_tn + D ⊙ u_t with Δ = softplus(s + bias): u, step s [N, c],
    /// rate A [n, c], gain b and readout c [N, n], bias, skip D [c] → y [N, c].
    /// </summary>
    public Tensor Apply(Pass pass, Tensor u, Tensor rate, Tensor step, Tensor bias, Tensor gain, Tensor readout, Tensor skip) =>
        Apply(pass, new Scan(Selective: true), u, [rate, pass.ByRow(readout), pass.ByRow(step), pass.ByRow(gain), bias, skip]);

    private Tensor Apply(Pass pass, Scan scan, Tensor u, Tensor[] coefficients)
    {
        var result = pass.Graph.AddNode(scan, [pass.ByRow(u), pass.Begins, _state[pass], .. coefficients]);
        _state[pass] = result.Outputs[1];
        return result.Outputs[0].Reshape(u.Shape);
    }
}
