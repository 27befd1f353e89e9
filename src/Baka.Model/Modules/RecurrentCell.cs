using Baka.Graph;
using Baka.Model.Passes;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>
/// The recurrent cell of the Block-Recurrent Transformer (arXiv 2203.07852, section 3): s state vectors c, with learned
/// ids, which a window's slots attend to, and which attend to themselves and to the window's slots when it is over:
/// h = [Attn(z, z) ; Attn(z, n)] with z = Norm(c + ids), and c ← c ⊙ g + (1 − g) ⊙ W_z h, or with LSTM-style gates
/// c ← c ⊙ σ(W_f h + 1) + tanh(W_z h) ⊙ σ(W_i h − 1). No positions are rotated.
/// </summary>
internal sealed class RecurrentCell : Module
{
    private readonly int _heads;
    private readonly int _states;
    private readonly bool _lstm;
    private readonly ParameterSpec _initial;
    private readonly ParameterSpec _ids;
    private readonly Norm _norm;
    private readonly Linear _read;
    private readonly Linear _out;
    private readonly Linear _stateKeys;
    private readonly Linear _stateValues;
    private readonly Linear _stateRead;
    private readonly Linear _slotKeys;
    private readonly Linear _slotValues;
    private readonly Linear _slotRead;
    private readonly Linear _next;
    private readonly Linear? _input;
    private readonly Linear? _forget;
    private readonly ParameterSpec? _kept;
    private readonly Carried _carried;
    private readonly Carried _keys;
    private readonly Carried _values;
    private readonly Carried _inputs;

    public RecurrentCell(string name, ModelRecipe recipe, SlotLayout layout)
        : base(name)
    {
        var d = recipe.Dim;
        (_heads, _states, _lstm) = (recipe.Heads, recipe.Recurrence.States, recipe.Recurrence.Gate == RecurrenceGate.Lstm);
        _initial = Learn("initial.weight", new Shape(_states, d), Initialization.Normal(1));
        _ids = Learn("ids.weight", new Shape(_states, d), Initialization.Normal(1));
        _norm = Part(new Norm(Path("norm"), recipe.Norm.Kind, d));
        Linear Map(string part, int inputs) => Part(new Linear(Path(part), inputs, d));
        (_read, _out) = (Map("q", d), Map("o", d));
        (_stateRead, _stateKeys, _stateValues) = (Map("state.q", d), Map("state.k", d), Map("state.v", d));
        (_slotRead, _slotKeys, _slotValues) = (Map("slots.q", d), Map("slots.k", d), Map("slots.v", d));
        _next = Map("next", 2 * d);
        if (_lstm)
        {
            (_input, _forget) = (Map("input", 2 * d), Map("forget", 2 * d));
        }
        else
        {
            _kept = Learn("kept.weight", new Shape(d), Initialization.Constant(1));
        }

        _carried = Carry("state", _states, d);
        (_keys, _values) = (new Carried(Path("keys"), new Shape(_states, d)), new Carried(Path("values"), new Shape(_states, d)));
        _inputs = new Carried(Path("inputs"), new Shape(layout.Slots, d));
    }

    /// <summary>What the slots read from the state: n [N, d], the layer's normed input → [N, d].</summary>
    public Tensor Apply(Tensor n, Pass pass)
    {
        using var scope = Scope(pass.Graph);
        return pass switch
        {
            WindowPass windows => Apply(n, windows),
            SlotPass slots => Apply(n, slots),
            _ => throw new GraphException($"the recurrence cannot serve {pass.GetType().Name}"),
        };
    }

    /// <summary>Looks the state up once for all slots of a window that will come one after the other.</summary>
    public override void OpenWindow(SlotPass pass)
    {
        var z = Normed(Begun(pass.Carry[_carried], pass.Fresh, pass));
        (pass.Window[_keys], pass.Window[_values]) = (_stateKeys.Apply(z), _stateValues.Apply(z));
    }

    /// <summary>Updates the state by such a window, now complete.</summary>
    public override void CloseWindow(SlotPass pass) =>
        pass.Carry[_carried] = Updated(Begun(pass.Carry[_carried], pass.Fresh, pass), pass.Window[_inputs], pass.Absent);

    private Tensor Apply(Tensor n, WindowPass pass)
    {
        // Window by window, but only here: everything else of the layers goes on side by side.
        var windows = pass.ByWindow(n);
        var read = pass.ByWindow(_read.Apply(n));
        var state = pass.Carry[_carried];
        var results = new Tensor[pass.Windows];
        for (var w = 0; w < results.Length; w++)
        {
            state = Begun(state, pass.Fresh.Slice(1, w, 1), pass);
            var z = Normed(state);
            results[w] = Attend(OfWindow(read), _stateKeys.Apply(z), _stateValues.Apply(z), None(pass));
            state = Updated(state, OfWindow(windows), pass.Absent.Reshape(pass.Rows, pass.Windows).Slice(1, w, 1).Reshape(pass.Rows));

            Tensor OfWindow(Tensor x) => x.Slice(1, w, 1).Reshape(pass.Rows, pass.Slots, x.Shape[3]);
        }

        pass.Carry[_carried] = state;
        return _out.Apply(Tensor.Concat(1, results).Flatten());
    }

    private Tensor Apply(Tensor n, SlotPass pass)
    {
        var inputs = pass.Window[_inputs];
        var d = n.Shape[1];
        pass.Window[_inputs] = inputs.Reshape(inputs.Shape[1], d).ReplaceRows(n, pass.Slot).Reshape(inputs.Shape);
        var read = _read.Apply(n).Reshape(1, pass.Slots, d);
        return _out.Apply(Attend(read, pass.Window[_keys], pass.Window[_values], None(pass)).Flatten());
    }

    /// <summary>The state [B, s, d] that a window begins with.</summary>
    private Tensor Begun(Tensor state, Tensor fresh, Pass pass) =>
        fresh.Reshape(pass.Rows, 1, 1).Select(_initial.In(pass.Graph).Reshape(1, _states, state.Shape[2]).BroadcastTo(state.Shape), state);

    private Tensor Normed(Tensor state) => _norm.Apply(state + _ids.In(state.Node.Graph).Reshape(1, _states, state.Shape[2]));

    /// <param name="n">The window's slots, [B, S, d].</param>
    /// <param name="absent">i32 [B].</param>
    private Tensor Updated(Tensor state, Tensor n, Tensor absent)
    {
        var z = Normed(state);
        var none = state.Node.Graph.Constant(new int[state.Shape[0]]);
        var own = Attend(_stateRead.Apply(z), _stateKeys.Apply(z), _stateValues.Apply(z), none);
        var seen = Attend(_slotRead.Apply(z), _slotKeys.Apply(n), _slotValues.Apply(n), absent);
        var h = Tensor.Concat(2, own, seen);
        if (_lstm)
        {
            return state * (_forget!.Apply(h) + 1f).Sigmoid() + _next.Apply(h).Tanh() * (_input!.Apply(h) - 1f).Sigmoid();
        }

        var kept = _kept!.In(state.Node.Graph).Sigmoid().Reshape(1, 1, state.Shape[2]);
        return state * kept + _next.Apply(h) * (1f - kept);
    }

    /// <summary>Attention of q [B, n, d] to all of k, v [B, m, d] but the first so many.</summary>
    private Tensor Attend(Tensor q, Tensor k, Tensor v, Tensor first)
    {
        // Keys of another number than queries are a past; the keys of now are not seen.
        var graph = q.Node.Graph;
        var last = new int[q.Shape[1]];
        Array.Fill(last, k.Shape[1] - 1);
        return graph.Add(
            new Graph.Ops.Attention(_heads, Windows: 1, Theta: 0, DetachPast: false),
            [q, q, q, first, graph.Constant(last), graph.Constant(new int[q.Shape[1]]), k, v]);
    }

    private static Tensor None(Pass pass) => pass.Graph.Constant(new int[pass.Rows]);
}
