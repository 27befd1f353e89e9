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
    private readonly int _headWidth;
    private readonly float _theta;
    private readonly bool _detachPast;
    private readonly bool _readsBelow;
    private readonly SlotMap<Linear> _q;
    private readonly SlotMap<Linear> _k;
    private readonly SlotMap<Linear> _v;
    private readonly SlotMap<Linear> _o;
    private readonly Negator? _negator;
    private readonly HeadNorm? _qNorm;
    private readonly HeadNorm? _kNorm;
    private readonly Rotation? _qRotation;
    private readonly Rotation? _kRotation;
    private readonly XlCache _keys;
    private readonly XlCache _values;

    /// <param name="below">The layer below if the past is taken from there.</param>
    /// <param name="isRead">Whether a layer reads the past of this one.</param>
    /// <param name="isLast">Whether there is no layer above.</param>
    public Attention(string name, ModelRecipe recipe, SlotLayout layout, Attention? below, bool isRead, bool isLast)
        : base(name)
    {
        _heads = recipe.Heads;
        _readsBelow = below is not null;
        _detachPast = recipe.Xl.Scheme == XlScheme.Repos;

        // What [mem] slots give in the last layer is not read, only their keys and values are.
        var controlled = recipe.MemTransformer.Controller;
        (_q, _k, _v, _o) = (Map("q", controlled && !isLast), Map("k", controlled), Map("v", controlled), Map("o", controlled && !isLast));
        var keyWidth = recipe.Dim;
        if (recipe.Attn.Negator)
        {
            _negator = Part(new Negator(Path("negator"), _heads));
            keyWidth *= 2;
        }

        if (recipe.Attn.QkNorm != QkNorm.None)
        {
            _qNorm = Part(new HeadNorm(Path("q_norm"), recipe.Attn, keyWidth, _heads));
            _kNorm = Part(new HeadNorm(Path("k_norm"), recipe.Attn, keyWidth, _heads));
        }

        _headWidth = keyWidth / _heads;
        var ownPositions = recipe.Xl.Scheme is XlScheme.LongNoreset or XlScheme.FlipFlop;
        _theta = ownPositions || recipe.Xl.Scheme == XlScheme.Nope ? 0 : (float)recipe.Rope.Theta;
        _qRotation = ownPositions || recipe.Xl.Scheme == XlScheme.QueryZero ? new Rotation(_heads, _headWidth, bySlots: ownPositions) : null;
        _kRotation = ownPositions ? _qRotation : null;
        _keys = Part(new XlCache(name, "keys", keyWidth, recipe.Xl, layout, below?._keys, isRead));
        _values = Part(new XlCache(name, "values", recipe.Dim, recipe.Xl, layout, below?._values, isRead));

        SlotMap<Linear> Map(string part, bool ofMem) => Part(new SlotMap<Linear>(Path(part), ofMem, path => new Linear(path, recipe.Dim, recipe.Dim)));
    }

    /// <summary>n [N, d] → [N, d].</summary>
    public Tensor Apply(Tensor n, Pass pass)
    {
        using var scope = Scope(pass.Graph);
        var (q, k, v) = (Mapped(_q, n), Mapped(_k, n), Mapped(_v, n));
        (q, k) = (_negator?.Apply(q) ?? q, _negator?.Apply(k) ?? k);
        (q, k) = (_qNorm?.Apply(q) ?? q, _kNorm?.Apply(k) ?? k);
        (q, k) = (_qRotation?.Apply(q, pass) ?? q, _kRotation?.Apply(k, pass) ?? k);
        var (keys, values) = (_keys.Extend(pass, pass.ByRow(k)), _values.Extend(pass, pass.ByRow(v)));

        // Windows whose past is not the window before them are attended to like rows of their own.
        var windows = _readsBelow ? 1 : pass.Windows;
        (q, k, v) = (ByStream(q), ByStream(k), ByStream(v));
        Tensor[] now = [q, k, Widen(v), pass.First, pass.Last, pass.Position];
        Tensor[] past = keys is null || values is null ? [] : [keys, Widen(values)];
        var o = pass.Graph.Add(new Graph.Ops.Attention(_heads, windows, _theta, _detachPast), [.. now, .. past]);
        return Mapped(_o, Narrow(o, n.Shape));

        Tensor Mapped(SlotMap<Linear> map, Tensor x) => map.Apply(x, pass, (linear, rows) => linear.Apply(rows));

        Tensor ByStream(Tensor x) => x.Reshape(pass.Rows * pass.Windows / windows, windows * pass.Slots, x.Shape[1]);
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

    /// <summary>The attention op wants values as wide as keys: zeros fill every head.</summary>
    private Tensor Widen(Tensor v)
    {
        if (_negator is null)
        {
            return v;
        }

        var width = v.Shape[2] / _heads;
        return v.Reshape(v.Shape[0], v.Shape[1], _heads, width).Pad(3, 0, _headWidth - width)
            .Reshape(v.Shape[0], v.Shape[1], _heads * _headWidth);
    }

    private Tensor Narrow(Tensor o, Shape shape)
    {
        var heads = o.Reshape(shape[0], _heads, _headWidth);
        return heads.Slice(2, 0, shape[1] / _heads).Reshape(shape);
    }
}
