using Baka.Graph;
using Baka.Model.Passes;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>
/// Mamba (arXiv 2312.00752, section 3.4): a selective state space between two maps. With [u ; z] = in(LayerNorm(x)) and
/// u ← SiLU(conv(u)), [r ; b ; c] = x(u): Δ = softplus(dt(r) + bias), h_t = exp(Δ_t A) ⊙ h_{t−1} + Δ_t u_t b_t,
/// y_t = Σ_n c_tn h_tn + D ⊙ u_t; out(y ⊙ SiLU(z)). A = −exp(a_log) begins with −1, …, −n.
/// </summary>
internal sealed class Mamba : Module
{
    private const float LargestStep = 0.1f;

    private readonly int _channels;
    private readonly int _states;
    private readonly int _rank;
    private readonly Norm _norm;
    private readonly Linear _in;
    private readonly CausalConvolution _conv;
    private readonly Linear _x;
    private readonly Linear _dt;
    private readonly ParameterSpec _dtBias;
    private readonly ParameterSpec _aLog;
    private readonly ParameterSpec _d;
    private readonly Recurrence _recurrence;
    private readonly Linear _out;

    public Mamba(string name, ModelRecipe recipe)
        : base(name)
    {
        var mamba = recipe.Mamba;
        _channels = mamba.Expand * recipe.Dim;
        _states = mamba.State;
        _rank = mamba.Rank ?? (recipe.Dim + 15) / 16;
        _norm = Part(new Norm(Path("norm"), NormKind.Layer, recipe.Dim));
        _in = Part(new Linear(Path("in"), recipe.Dim, 2 * _channels));
        _conv = Part(new CausalConvolution(Path("conv"), mamba.Conv, _channels));
        _x = Part(new Linear(Path("x"), _channels, _rank + 2 * _states));
        _dt = Part(new Linear(Path("dt"), _rank, _channels));
        _dtBias = Learn("dt.bias", new Shape(_channels), Initialization.StepSize(LargestStep));
        _aLog = Learn("a_log", new Shape(_states, _channels), Initialization.LogOfRow());
        _d = Learn("d", new Shape(_channels), Initialization.Constant(1));
        _recurrence = Part(new Recurrence(name, _states, _channels));
        _out = Part(new Linear(Path("out"), _channels, recipe.Dim));
    }

    /// <summary>What is added to x: [N, d] → [N, d].</summary>
    public Tensor Apply(Tensor x, Pass pass)
    {
        using var scope = Scope(pass.Graph);
        var graph = pass.Graph;
        var both = _in.Apply(_norm.Apply(x));
        var z = both.Slice(1, _channels, _channels);
        var u = _conv.Apply(both.Slice(1, 0, _channels), pass);
        var selected = _x.Apply(u);
        var step = _dt.Apply(selected.Slice(1, 0, _rank));
        var gain = selected.Slice(1, _rank, _states);
        var readout = selected.Slice(1, _rank + _states, _states);
        var y = _recurrence.Apply(pass, u, -_aLog.In(graph).Exp(), step, _dtBias.In(graph), gain, readout, _d.In(graph));
        return _out.Apply(y * z.Silu());
    }
}
