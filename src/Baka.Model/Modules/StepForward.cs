using Baka.Graph;
using Baka.Graph.Ops;
using Baka.Model.Passes;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>The map W [d, n·d] of StepForward, oldest position first, which several layers may share.</summary>
internal sealed class StepMap : Module
{
    private readonly ParameterSpec _weight;

    public StepMap(string name, int width, StepRecipe recipe)
        : base(name) =>
        _weight = Learn("weight", new Shape(width, recipe.Width * width), Initialization.Linear(recipe.Width * width));

    public Tensor In(TensorGraph graph) => _weight.In(graph);
}

/// <summary>
/// y_t = W [n_{t−n+1}; …; n_t] where all n inputs exist, else 0: they exist from the window's n-th slot on, with
/// <c>step.carry</c> from the document's. A first window has no read block, so it begins behind that.
/// </summary>
internal sealed class StepForward : Module
{
    private readonly StepRecipe _recipe;
    private readonly SlotLayout _layout;
    private readonly StepMap _map;
    private readonly Carried? _tail;
    private readonly Carried? _inputs;

    public StepForward(string name, ModelRecipe recipe, SlotLayout layout, StepMap map)
        : base(name)
    {
        (_recipe, _layout, _map) = (recipe.Step, layout, Part(map));
        if (History > 0)
        {
            _tail = _recipe.Carry ? Carry("tail", History, recipe.Dim) : null;
            _inputs = new Carried(Path("inputs"), new Shape(History, recipe.Dim));
        }
    }

    private int History => _recipe.Width - 1;

    /// <summary>n [N, d] → [N, d].</summary>
    public Tensor Apply(Tensor n, Pass pass)
    {
        using var scope = Scope(pass.Graph);
        return pass switch
        {
            WindowPass windows => Apply(n, windows),
            SlotPass slots => Apply(n, slots),
            _ => throw new GraphException($"StepForward cannot serve {pass.GetType().Name}"),
        };
    }

    /// <summary>Whether slot t of a window has an output.</summary>
    /// <param name="fresh">Whether a document begins with the window.</param>
    public static bool Reaches(int t, bool fresh, StepRecipe recipe, SlotLayout layout)
    {
        var start = fresh ? layout.Memory : 0;
        var exist = t - start >= recipe.Width - 1 || (recipe.Carry && !fresh);
        return exist && (layout.Slots - 1 - t) % recipe.Every == 0;
    }

    public override void OpenWindow(SlotPass pass)
    {
        if (_tail is not null && _inputs is not null)
        {
            pass.Window[_inputs] = pass.Carry[_tail];
        }
    }

    public override void CloseWindow(SlotPass pass)
    {
        if (_tail is not null && _inputs is not null)
        {
            pass.Carry[_tail] = pass.Window[_inputs];
        }
    }

    private Tensor Apply(Tensor n, WindowPass pass)
    {
        var x = pass.ByWindow(n);
        var y = _tail is null
            ? Map(x, pass, _recipe.Every, 0)
            : Map(Tensor.Concat(2, PreviousTails(x, _tail, pass), x), pass, _recipe.Every, History);
        return _tail is null && _layout.Memory == 0 ? y : Reached(y, pass);
    }

    private Tensor Apply(Tensor n, SlotPass pass)
    {
        var x = pass.ByWindow(n);
        if (_inputs is not null)
        {
            x = Tensor.Concat(2, pass.Window[_inputs].Reshape(1, 1, History, n.Shape[1]), x);
            pass.Window[_inputs] = x.Slice(2, pass.Slots, History).Reshape(1, History, n.Shape[1]);
        }

        return Reached(Map(x, pass, 1, History), pass);
    }

    /// <summary>The last inputs of the window before each window, zeros where a document begins.</summary>
    private Tensor PreviousTails(Tensor x, Carried carried, WindowPass pass)
    {
        var tails = x.Slice(2, pass.Slots - History, History);
        var (windows, d) = (pass.Windows, x.Shape[3]);
        var before = pass.Carry[carried].Reshape(pass.Rows, 1, History, d);
        pass.Carry[carried] = tails.Slice(1, windows - 1, 1).Reshape(pass.Rows, History, d);
        var previous = windows == 1 ? before : Tensor.Concat(1, before, tails.Slice(1, 0, windows - 1));
        return pass.Fresh.Reshape(pass.Rows, windows, 1, 1).Select(0f, previous);
    }

    private Tensor Map(Tensor x, Pass pass, int stride, int history) =>
        pass.Graph.Add(
            new StepLinear(_recipe.Width, stride, history),
            [x.Reshape(pass.Rows * pass.Windows, history + pass.Slots, x.Shape[3]), _map.In(pass.Graph)]).Flatten();

    private static Tensor Reached(Tensor y, Pass pass) => pass.Reach.Reshape(y.Shape[0], 1).Select(y, 0f);
}
