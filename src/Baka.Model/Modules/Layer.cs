using Baka.Graph;
using Baka.Model.Passes;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>
/// n = Norm(x); y = x + Attn(n) + MLP(n) + Step(n), every branch perhaps gated, perhaps with a norm of its own, the MLP and
/// the step perhaps not there; then perhaps y + Mamba(LayerNorm(y)). What comes from a narrower layer is widened first.
/// </summary>
internal sealed class Layer : Module
{
    private readonly int _heads;
    private readonly int _width;
    private readonly Norm? _norm;
    private readonly Branch _attn;
    private readonly Branch? _mlp;
    private readonly Branch? _step;
    private readonly Mamba? _mamba;
    private readonly StreamAttention? _stream;

    /// <param name="index">The layer's number.</param>
    /// <param name="recipe">As this layer sees it.</param>
    /// <param name="mlp">Maps of the MLP; <c>null</c> = none.</param>
    /// <param name="step">Map of the step branch; <c>null</c> = none.</param>
    /// <param name="below">The layer below; <c>null</c> = this is the first.</param>
    public Layer(int index, ModelRecipe recipe, SlotLayout layout, MlpMaps? mlp, StepMap? step, Layer? below)
        : base($"layers.{index}")
    {
        (_heads, _width) = (recipe.Heads, recipe.Dim);
        var isLast = index == recipe.Layers.Count - 1;
        _norm = recipe.Norm.Split ? null : Part(new Norm(Path("norm"), recipe.Norm.Kind, recipe.Dim));
        var source = recipe.Xl.Source == XlSource.Below ? below?._stream : null;
        (_stream, var attend) = MakeAttention(recipe, layout, source, isLast);
        if (recipe.Recurrence.IsIn(index, recipe.Layers.Count))
        {
            var cell = Part(new RecurrentCell(Path("recurrence"), recipe, layout));
            var slots = attend;
            attend = (x, n, pass) => slots(x, n, pass) + cell.Apply(n, pass);
        }

        _attn = MakeBranch(Recipes.Branch.Attn, "attn", recipe, attend);
        if (mlp is not null)
        {
            var map = Part(MakeMlp(recipe, mlp, recipe.MemTransformer.Controller && !isLast));
            _mlp = MakeBranch(Recipes.Branch.Mlp, "mlp", recipe, (_, n, pass) => map.Apply(n, pass, (own, x) => own.Apply(x)));
        }

        if (step is not null)
        {
            var map = Part(new StepForward(Path("step"), recipe, layout, step));
            _step = MakeBranch(Recipes.Branch.Step, "step", recipe, (_, n, pass) => map.Apply(n, pass));
        }

        _mamba = recipe.Mamba.Follows(index) ? Part(new Mamba(Path("mamba"), recipe)) : null;
    }

    protected override string LocalName => Name;

    /// <summary>x [N, width of the layer before] → [N, d].</summary>
    public Tensor Apply(Tensor x, Pass pass)
    {
        using var scope = Scope(pass.Graph);
        x = x.WidenHeads(_heads, _width);
        var n = _norm?.Apply(x);
        var y = x + _attn.Apply(x, n, pass);
        y = _mlp is null ? y : y + _mlp.Apply(x, n, pass);
        y = _step is null ? y : y + _step.Apply(x, n, pass);
        return _mamba is null ? y : y + _mamba.Apply(y, pass);
    }

    /// <summary>Attention in one of its forms, and what of it a layer above may read.</summary>
    private (StreamAttention? Stream, Func<Tensor, Tensor, Pass, Tensor> Map) MakeAttention(ModelRecipe recipe, SlotLayout layout, StreamAttention? below, bool isLast)
    {
        if (recipe.Mega.States > 0)
        {
            var mega = Part(new Mega(Path("mega"), recipe, layout, below, isLast));
            return (mega.Stream, mega.Apply);
        }

        var attention = Part(new Attention(Path("attn"), recipe, layout, below, isLast));
        return (attention.Stream, (_, n, pass) => attention.Apply(n, pass));
    }

    private SlotMap<Mlp> MakeMlp(ModelRecipe recipe, MlpMaps maps, bool ofMem)
    {
        var (name, mem) = (Path("mlp"), Path("mlp.mem"));
        Mlp? Own() => ofMem ? new Mlp(mem, new MlpMaps(mem, maps.Width, maps.Hidden), recipe.Mlp with { Lora = 0 }) : null;
        return new SlotMap<Mlp>(name, new Mlp(name, maps, recipe.Mlp), Own());
    }

    private Branch MakeBranch(Recipes.Branch kind, string name, ModelRecipe recipe, Func<Tensor, Tensor, Pass, Tensor> apply)
    {
        var norm = recipe.Norm.Split ? Part(new Norm(Path($"norm.{name}"), recipe.Norm.Kind, recipe.Dim)) : null;
        var gate = recipe.Gate.Of.Contains(kind) ? Part(new Gate(Path($"gates.{name}"), recipe.Dim, recipe.Gate)) : null;
        return new Branch(norm, gate, apply);
    }

    /// <param name="Map">What the branch makes of the layer's input and the same normed.</param>
    private sealed record Branch(Norm? Norm, Gate? Gate, Func<Tensor, Tensor, Pass, Tensor> Map)
    {
        public Tensor Apply(Tensor x, Tensor? shared, Pass pass)
        {
            var n = Norm?.Apply(x) ?? shared ?? throw new InvalidOperationException("A branch has a norm of its own or shares one.");
            var y = Map(x, n, pass);
            return Gate?.Apply(n, y) ?? y;
        }
    }
}
