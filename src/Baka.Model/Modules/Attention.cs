using Baka.Graph;
using Baka.Model.Passes;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>
/// Multi-head attention over the slots of the window and what the cache holds: o(softmax(q kᵀ / √f) v), or linear attention
/// over those of the document. With the negator f is the doubled width of q and k.
/// </summary>
internal sealed class Attention : Module
{
    private readonly int _heads;
    private readonly SlotMap<Linear> _q;
    private readonly SlotMap<Linear> _k;
    private readonly SlotMap<Linear> _v;
    private readonly SlotMap<Linear> _o;
    private readonly Negator? _negator;
    private readonly HeadNorm? _qNorm;
    private readonly HeadNorm? _kNorm;
    private readonly LinearAttention? _linear;

    /// <param name="below">That of the layer below if the past is taken from there.</param>
    /// <param name="isLast">Whether there is no layer above.</param>
    public Attention(string name, ModelRecipe recipe, SlotLayout layout, StreamAttention? below, bool isLast)
        : base(name)
    {
        _heads = recipe.Heads;

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

        if (recipe.Attn.Kind == AttentionKind.Linear)
        {
            _linear = Part(new LinearAttention(name, recipe, keyWidth));
        }
        else
        {
            Stream = Part(new StreamAttention(
                name, recipe, layout, _heads, keyWidth / _heads, keyWidth, recipe.Dim, x => x.WidenHeads(_heads, keyWidth), below, isLast));
        }

        SlotMap<Linear> Map(string part, bool ofMem)
        {
            Linear Make(string path) => new(path, recipe.Dim, recipe.Dim);
            return Part(new SlotMap<Linear>(Path(part), Make(Path(part)), ofMem ? Make(Path($"{part}.mem")) : null));
        }
    }

    /// <summary><c>null</c> where attention is linear.</summary>
    public StreamAttention? Stream { get; }

    /// <summary>n [N, d] → [N, d].</summary>
    public Tensor Apply(Tensor n, Pass pass)
    {
        using var scope = Scope(pass.Graph);
        var (q, k, v) = (Mapped(_q, n), Mapped(_k, n), Mapped(_v, n));
        (q, k) = (_negator?.Apply(q) ?? q, _negator?.Apply(k) ?? k);
        (q, k) = (_qNorm?.Apply(q) ?? q, _kNorm?.Apply(k) ?? k);
        return Mapped(_o, Stream?.Apply(q, k, v, pass).NarrowHeads(_heads, n.Shape[1]) ?? _linear!.Apply(q, k, v, pass));

        Tensor Mapped(SlotMap<Linear> map, Tensor x) => map.Apply(x, pass, (linear, rows) => linear.Apply(rows));
    }
}
