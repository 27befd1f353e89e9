using Baka.Graph;
using Baka.Model.Passes;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>
/// XL (Transformer-XL, arXiv 1901.02860): the keys, or the values, of the last windows' slots, unrotated, and in front
/// of them those of the document's first slots (attention sinks, arXiv 2309.17453).
/// </summary>
internal sealed class XlCache : Module
{
    private readonly SlotLayout _layout;
    private readonly Carried? _past;
    private readonly Carried? _sinks;
    private readonly Carried _window;
    private readonly XlCache _source;
    private readonly bool _detached;

    /// <param name="what">keys or values.</param>
    /// <param name="below">The cache whose past is read; null = this one's.</param>
    /// <param name="isRead">Whether a layer reads this one's past.</param>
    public XlCache(string name, string what, int width, XlRecipe recipe, SlotLayout layout, XlCache? below, bool isRead)
        : base(name)
    {
        _layout = layout;
        _source = below ?? this;
        _detached = recipe.Scheme == XlScheme.Repos;
        _past = isRead && layout.Past > 0 ? Carry(what, layout.Past, width) : null;
        _sinks = isRead && layout.Sinks > 0 ? Carry($"sink_{what}", layout.Sinks, width) : null;
        _window = new Carried(Path(what), new Shape(layout.Before + layout.Slots, width));
    }

    /// <summary>
    /// What lies in front of a pass's slots, and puts these into the cache: now [B, windows · slots, width] →
    /// [B, before, width], of the layer below [B · windows, before, width]; null where nothing does.
    /// </summary>
    public Tensor? Extend(Pass pass, Tensor now) => pass switch
    {
        WindowPass windows => Extend(windows, now),
        SlotPass slots => Extend(slots, now),
        _ => throw new GraphException($"the cache cannot serve {pass.GetType().Name}"),
    };

    /// <summary>Lays out the stream of a window whose slots will come one after the other.</summary>
    public override void OpenWindow(SlotPass pass)
    {
        var own = pass.Window[_window].Slice(1, _layout.Before, _layout.Slots);
        Tensor?[] stream = [Held(pass, _source._sinks), Held(pass, _source._past), own];
        pass.Window[_window] = Tensor.Concat(1, [.. stream.OfType<Tensor>()]);
    }

    /// <summary>Makes such a window, now complete, part of the past.</summary>
    public override void CloseWindow(SlotPass pass) => Keep(pass, pass.Window[_window].Slice(1, _layout.Before, _layout.Slots));

    private Tensor? Extend(WindowPass pass, Tensor now)
    {
        var past = _source == this ? Held(pass, _past) : PastOfEach(pass, _source);
        if (_past is not null)
        {
            pass.Streams[_past] = Tensor.Concat(1, pass.Carry[_past], now);
        }

        // Sinks are not seen where the window that replaces them is a document's first.
        var sinks = Held(pass, _source._sinks);
        Keep(pass, now);
        return past is null || sinks is null ? past : Tensor.Concat(1, sinks, past);
    }

    private Tensor Extend(SlotPass pass, Tensor now)
    {
        var stream = pass.Window[_window];
        var width = stream.Shape[-1];
        var written = stream.Reshape(stream.Shape[1], width).ReplaceRows(now.Reshape(pass.Slots, width), pass.Position);
        return pass.Window[_window] = written.Reshape(stream.Shape);
    }

    /// <summary>What another cache holds in front of each of the pass's windows, which it has been extended by already.</summary>
    private Tensor? PastOfEach(WindowPass pass, XlCache source)
    {
        if (source._past is null)
        {
            return null;
        }

        var stream = pass.Streams[source._past];
        var each = Enumerable.Range(0, pass.Windows).Select(w => stream.Slice(1, w * _layout.Slots, _layout.Past));
        return Tensor.Concat(1, [.. each]).Reshape(pass.Rows * pass.Windows, _layout.Past, stream.Shape[2]);
    }

    private void Keep(Pass pass, Tensor now)
    {
        if (_past is not null)
        {
            pass.Carry[_past] = Detached(Latest(pass.Carry[_past], now));
        }

        // The first slots after the read block of a document's first window.
        if (_sinks is not null)
        {
            var beginning = now.Slice(1, _layout.Memory, _layout.Sinks);
            pass.Carry[_sinks] = Detached(pass.Fresh.Reshape(pass.Rows, 1, 1).Select(beginning, pass.Carry[_sinks]));
        }
    }

    /// <summary>The last P slots of the past and the present.</summary>
    private Tensor Latest(Tensor past, Tensor now)
    {
        var missing = _layout.Past - now.Shape[1];
        return missing <= 0
            ? now.Slice(1, -missing, _layout.Past)
            : Tensor.Concat(1, past.Slice(1, _layout.Past - missing, missing), now);
    }

    private Tensor Detached(Tensor x) => _detached ? x.Detach() : x;

    private static Tensor? Held(Pass pass, Carried? state) => state is null ? null : pass.Carry[state];
}
