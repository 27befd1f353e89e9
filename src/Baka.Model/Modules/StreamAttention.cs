using Baka.Graph;
using Baka.Model.Passes;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>
/// Softmax attention of a pass's slots to what the caches hold and to themselves, with the rotary positions (arXiv
/// 2104.09864) that the XL scheme gives them.
/// </summary>
internal sealed class StreamAttention : Module
{
    private readonly int _heads;
    private readonly float _theta;
    private readonly bool _detachPast;
    private readonly bool _readsBelow;
    private readonly Func<Tensor, Tensor> _expandValues;
    private readonly Rotation? _qRotation;
    private readonly Rotation? _kRotation;
    private readonly XlCache _keys;
    private readonly XlCache _values;

    /// <param name="name">Of the module it is a part of.</param>
    /// <param name="heads">h of the op.</param>
    /// <param name="headWidth">f of keys.</param>
    /// <param name="keyWidth">Of queries and keys: h·f, or f if all heads share them.</param>
    /// <param name="valueWidth">Of values as they are cached.</param>
    /// <param name="expandValues">Makes values h·f wide.</param>
    /// <param name="below">That of the layer below if the past is taken from there.</param>
    /// <param name="isLast">Whether there is no layer above.</param>
    public StreamAttention(
        string name, ModelRecipe recipe, SlotLayout layout, int heads, int headWidth, int keyWidth, int valueWidth,
        Func<Tensor, Tensor> expandValues, StreamAttention? below, bool isLast)
        : base(name)
    {
        var scheme = recipe.Xl.Scheme;
        _heads = heads;
        _detachPast = scheme == XlScheme.Repos;
        _expandValues = expandValues;
        var ownPositions = scheme is XlScheme.LongNoreset or XlScheme.FlipFlop;
        _theta = ownPositions || scheme == XlScheme.Nope ? 0 : (float)recipe.Rope.Theta;
        _qRotation = ownPositions || scheme == XlScheme.QueryZero ? new Rotation(keyWidth / headWidth, headWidth, bySlots: ownPositions) : null;
        _kRotation = ownPositions ? _qRotation : null;
        _readsBelow = below is not null;
        var isRead = !_readsBelow || !isLast;
        _keys = Part(new XlCache(name, "keys", keyWidth, recipe.Xl, layout, below?._keys, isRead));
        _values = Part(new XlCache(name, "values", valueWidth, recipe.Xl, layout, below?._values, isRead));
    }

    /// <summary>q, k [N, key width], v [N, value width] → [N, h·f].</summary>
    public Tensor Apply(Tensor q, Tensor k, Tensor v, Pass pass)
    {
        (q, k) = (_qRotation?.Apply(q, pass) ?? q, _kRotation?.Apply(k, pass) ?? k);
        var (keys, values) = (_keys.Extend(pass, pass.ByRow(k)), _values.Extend(pass, pass.ByRow(v)));

        // Windows whose past is not the window before them are attended to like rows of their own.
        var windows = _readsBelow ? 1 : pass.Windows;
        Tensor ByStream(Tensor x) => x.Reshape(pass.Rows * pass.Windows / windows, windows * pass.Slots, x.Shape[1]);
        Tensor[] now = [ByStream(q), ByStream(k), _expandValues(ByStream(v)), pass.First, pass.Last, pass.Position];
        Tensor[] past = keys is null || values is null ? [] : [keys, _expandValues(values)];
        return pass.Graph.Add(new Graph.Ops.Attention(_heads, windows, _theta, _detachPast), [.. now, .. past]).Reshape(q.Shape[0], now[2].Shape[2]);
    }
}
