using Baka.Graph;
using Baka.Model.Passes;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>
/// n = Norm(x); y = x + Attn(n) + MLP(n) + Step(n), every branch perhaps gated, perhaps with a norm of its own; then
/// perhaps y + Mamba(LayerNorm(y)).
/// </summary>
internal sealed class Layer : Module
{
    private readonly Norm? _norm;
    private readonly Branch _attn;
    private readonly Branch _mlp;
    private readonly Branch? _step;
    private readonly Mamba? _mamba;
    private readonly StreamAttention _stream;

    /// <param name="index">The layer's number.</param>
    /// <param name="step">The step branch; <c>null</c> = none.</param>
    /// <param name="below">The layer below; <c>null</c> = this is the first.</param>
    public Layer(string name, ModelRecipe recipe, SlotLayout layout, int index, StepForward? step, Layer? below)
        : base(name)
    {
        var isLast = index == recipe.Layers - 1;
        _norm = recipe.Norm.Split ? null : Part(new Norm(Path("norm"), recipe.Norm.Kind, recipe.Dim));
        var source = recipe.Xl.Source == XlSource.Below ? below?._stream : null;
        (_stream, var attend) = MakeAttention(recipe, layout, source, isLast);
        if (recipe.Recurrence.IsIn(index, recipe.Layers))
        {
            var cell = Part(new RecurrentCell(Path("recurrence"), recipe, layout));
            var slots = attend;
            attend = (x, n, pass) => slots(x, n, pass) + cell.Apply(n, pass);
        }

        _attn = MakeBranch(Recipes.Branch.Attn, "attn", recipe, attend);
        var mlp = Part(new SlotMap<Mlp>(Path("mlp"), recipe.MemTransformer.Controller && !isLast, path => new Mlp(path, recipe.Dim, recipe.Mlp)));
        _mlp = MakeBranch(Recipes.Branch.Mlp, "mlp", recipe, (_, n, pass) => mlp.Apply(n, pass, (map, x) => map.Apply(x)));
        if (step is not null)
        {
            Part(step);
            _step = MakeBranch(Recipes.Branch.Step, "step", recipe, (_, n, pass) => step.Apply(n, pass));
        }

        _mamba = recipe.Mamba.Follows(index) ? Part(new Mamba(Path("mamba"), recipe)) : null;
    }

    protected override string LocalName => Name;

    /// <summary>x [N, d] → [N, d].</summary>
    public Tensor Apply(Tensor x, Pass pass)
    {
        using var scope = Scope(pass.Graph);
        var n = _norm?.Apply(x);
        var y = x + _attn.Apply(x, n, pass) + _mlp.Apply(x, n, pass);
        y = _step is null ? y : y + _step.Apply(x, n, pass);
        return _mamba is null ? y : y + _mamba.Apply(y, pass);
    }

    /// <summary>Attention in one of its forms, and what of it a layer above may read.</summary>
    private (StreamAttention Stream, Func<Tensor, Tensor, Pass, Tensor> Map) MakeAttention(ModelRecipe recipe, SlotLayout layout, StreamAttention? below, bool isLast)
    {
        if (recipe.Mega.States > 0)
        {
            var mega = Part(new Mega(Path("mega"), recipe, layout, below, isLast));
            return (mega.Stream, mega.Apply);
        }

        var attention = Part(new Attention(Path("attn"), recipe, layout, below, isLast));
        return (attention.Stream, (_, n, pass) => attention.Apply(n, pass));
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
