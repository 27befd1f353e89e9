using Baka.Graph;
using Baka.Model.Passes;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>
/// Gated attention over a moving average (Mega, arXiv 2209.10655, equations 5 to 14) in place of multi-head attention. With
/// a = EMA(n), z = SiLU(W_z a), q = κ_q ⊙ z + μ_q, k = κ_k ⊙ z + μ_k, v = SiLU(W_v n): o = softmax(q kᵀ / √f) v with one
/// head of keys f wide, ĥ = SiLU(W_h a + U_h (SiLU(W_r a) ⊙ o)), and φ = σ(W_u a) ⊙ (ĥ − x) is added to the layer's input x.
/// </summary>
internal sealed class Mega : Module
{
    private readonly MovingAverage _average;
    private readonly Linear _z;
    private readonly ScaleAndShift _q;
    private readonly ScaleAndShift _k;
    private readonly Linear _v;
    private readonly Linear _reset;
    private readonly Linear _update;
    private readonly Linear _h;
    private readonly Linear _u;

    /// <param name="below">That of the layer below if the past is taken from there.</param>
    /// <param name="isLast">Whether there is no layer above.</param>
    public Mega(string name, ModelRecipe recipe, SlotLayout layout, StreamAttention? below, bool isLast)
        : base(name)
    {
        var (d, width, values) = (recipe.Dim, recipe.Dim / recipe.Heads, recipe.Mega.Expand * recipe.Dim);

        // Every part of the values as wide as the keys is a head to the op, and all share the keys.
        var parts = values / width;
        _average = Part(new MovingAverage(Path("ema"), recipe.Mega.States, d));
        _z = Part(new Linear(Path("z"), d, width));
        _q = Part(new ScaleAndShift(Path("q"), width));
        _k = Part(new ScaleAndShift(Path("k"), width));
        _v = Part(new Linear(Path("v"), d, values));
        _reset = Part(new Linear(Path("reset"), d, values));
        _update = Part(new Linear(Path("update"), d, d));
        _h = Part(new Linear(Path("h"), d, d));
        _u = Part(new Linear(Path("u"), values, d));
        Stream = Part(new StreamAttention(name, recipe, layout, parts, width, width, values, x => x, below, isLast));
    }

    public StreamAttention Stream { get; }

    /// <summary>The layer's input x and the same normed, n: [N, d] → what is added to x [N, d].</summary>
    public Tensor Apply(Tensor x, Tensor n, Pass pass)
    {
        using var scope = Scope(pass.Graph);
        var a = _average.Apply(n, pass);
        var z = _z.Apply(a).Silu();
        var o = Stream.Apply(_q.Apply(z), _k.Apply(z), _v.Apply(n).Silu(), pass);
        var candidate = (_h.Apply(a) + _u.Apply(_reset.Apply(a).Silu() * o)).Silu();
        return _update.Apply(a).Sigmoid() * (candidate - x);
    }
}
