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
    private readonly bool _detached;

    /// <param name="what">keys or values.</param>
    public XlCache(string name, string what, int width, XlRecipe recipe, SlotLayout layout)
        : base(name)
    {
        _layout = layout;
        _detached = recipe.Scheme == XlScheme.Repos;
        _past = layout.Past > 0 ? Carry(what, layout.Past, width) : null;
        _sinks = layout.Sinks > 0 ? Carry($"sink_{what}", layout.Sinks, width) : null;
        _window = new Carried(Path(what), new Shape(layout.Before + layout.Slots, width));
    }

    /// <summary>
    /// What lies in front of a pass's slots, and puts these into the cache: now [B, windows · slots, width] →
    /// [B, before, width], or null where nothing does.
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
        Tensor?[] stream = [_sinks is null ? null : pass.Carry[_sinks], _past is null ? null : pass.Carry[_past], own];
        pass.Window[_window] = Tensor.Concat(1, [.. stream.OfType<Tensor>()]);
    }

    /// <summary>Makes such a window, now complete, part of the past.</summary>
    public override void CloseWindow(SlotPass pass)
    {
        var stream = pass.Window[_window];
        if (_past is not null)
        {
            pass.Carry[_past] = stream.Slice(1, _layout.Sinks + _layout.Slots, _layout.Past);
        }

        KeepSinks(pass, stream.Slice(1, _layout.Before, _layout.Slots));
    }

    private Tensor? Extend(WindowPass pass, Tensor now)
    {
        if (_past is null)
        {
            return null;
        }

        var past = pass.Carry[_past];
        var front = _sinks is null ? past : Tensor.Concat(1, pass.Carry[_sinks], past);
        var next = Latest(past, now);
        pass.Carry[_past] = _detached ? next.Detach() : next;
        KeepSinks(pass, now);
        return front;
    }

    private Tensor Extend(SlotPass pass, Tensor now)
    {
        var stream = pass.Window[_window];
        var width = stream.Shape[-1];
        var written = stream.Reshape(stream.Shape[1], width).ReplaceRows(now.Reshape(pass.Slots, width), pass.Position);
        return pass.Window[_window] = written.Reshape(stream.Shape);
    }

    /// <summary>The last P slots of the past and the present.</summary>
    private Tensor Latest(Tensor past, Tensor now)
    {
        var missing = _layout.Past - now.Shape[1];
        return missing <= 0
            ? now.Slice(1, -missing, _layout.Past)
            : Tensor.Concat(1, past.Slice(1, _layout.Past - missing, missing), now);
    }

    /// <summary>Keeps the first slots after the read block of a document's first window.</summary>
    private void KeepSinks(Pass pass, Tensor window)
    {
        if (_sinks is not null)
        {
            var beginning = window.Slice(1, _layout.Memory, _layout.Sinks);
            var kept = pass.Fresh.Reshape(pass.Rows, 1, 1).Select(beginning, pass.Carry[_sinks]);
            pass.Carry[_sinks] = _detached ? kept.Detach() : kept;
        }
    }
}
