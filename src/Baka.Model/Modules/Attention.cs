using Baka.Graph;
using Baka.Model.Passes;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>
/// Multi-head attention with rotary positions (arXiv 2104.09864) over the slots of the window and what the cache
/// holds: o(softmax(q kᵀ / √f) v). With the negator f is the doubled width of q and k.
/// </summary>
internal sealed class Attention : Module
{
    private readonly int _heads;
    private readonly int _keyWidth;
    private readonly float _theta;
    private readonly bool _detachPast;
    private readonly Linear _q;
    private readonly Linear _k;
    private readonly Linear _v;
    private readonly Linear _o;
    private readonly Negator? _negator;
    private readonly HeadNorm? _qNorm;
    private readonly HeadNorm? _kNorm;
    private readonly XlCache _keys;
    private readonly XlCache _values;

    public Attention(string name, ModelRecipe recipe, SlotLayout layout)
        : base(name)
    {
        _heads = recipe.Heads;
        _theta = (float)recipe.Rope.Theta;
        _detachPast = recipe.Xl.Scheme == XlScheme.Repos;
        _q = Part(new Linear(Path("q"), recipe.Dim, recipe.Dim));
        _k = Part(new Linear(Path("k"), recipe.Dim, recipe.Dim));
        _v = Part(new Linear(Path("v"), recipe.Dim, recipe.Dim));
        _o = Part(new Linear(Path("o"), recipe.Dim, recipe.Dim));
        _keyWidth = recipe.Dim;
        if (recipe.Attn.Negator)
        {
            _negator = Part(new Negator(Path("negator"), _heads));
            _keyWidth *= 2;
        }

        if (recipe.Attn.QkNorm != QkNorm.None)
        {
            _qNorm = Part(new HeadNorm(Path("q_norm"), recipe.Attn, _keyWidth, _heads));
            _kNorm = Part(new HeadNorm(Path("k_norm"), recipe.Attn, _keyWidth, _heads));
        }

        _keys = Part(new XlCache(name, "keys", _keyWidth, recipe.Xl, layout));
        _values = Part(new XlCache(name, "values", recipe.Dim, recipe.Xl, layout));
    }

    /// <summary>n [N, d] → [N, d].</summary>
    public Tensor Apply(Tensor n, Pass pass)
    {
        using var scope = Scope(pass.Graph);
        var (q, k, v) = (_q.Apply(n), _k.Apply(n), _v.Apply(n));
        (q, k) = (_negator?.Apply(q) ?? q, _negator?.Apply(k) ?? k);
        (q, k) = (_qNorm?.Apply(q) ?? q, _kNorm?.Apply(k) ?? k);
        (q, k, v) = (pass.ByRow(q), pass.ByRow(k), pass.ByRow(v));
        var (keys, values) = (_keys.Extend(pass, k), _values.Extend(pass, v));

        // The attention op wants values as wide as keys.
        Tensor Wide(Tensor x) => x.WidenHeads(_heads, _keyWidth);
        Tensor[] now = [q, k, Wide(v), pass.First, pass.Last, pass.Position];
        Tensor[] past = keys is null || values is null ? [] : [keys, Wide(values)];
        var o = pass.Graph.Add(new Graph.Ops.Attention(_heads, pass.Windows, _theta, _detachPast), [.. now, .. past]);
        return _o.Apply(o.NarrowHeads(_heads, n.Shape[1]).Reshape(n.Shape));
    }

    public void OpenWindow(SlotPass pass)
    {
        _keys.OpenWindow(pass);
        _values.OpenWindow(pass);
    }

    public void CloseWindow(SlotPass pass)
    {
        _keys.CloseWindow(pass);
        _values.CloseWindow(pass);
    }
}
