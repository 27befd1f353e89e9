using Baka.Graph;
using Baka.Model.Passes;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>n = Norm(x); x = x + Attn(n) + MLP(n) + Step(n), every branch perhaps gated, perhaps with a norm of its own.</summary>
internal sealed class Layer : Module
{
    private readonly Norm? _norm;
    private readonly Branch _attn;
    private readonly Branch _mlp;
    private readonly Branch? _step;
    private readonly Attention _attention;
    private readonly RecurrentCell? _recurrence;
    private readonly StepForward? _stepForward;

    /// <param name="step">The step branch; <c>null</c> = none.</param>
    /// <param name="below">The layer below; <c>null</c> = this is the first.</param>
    /// <param name="isLast">Whether there is no layer above.</param>
    /// <param name="hasRecurrence">Whether it has the state vectors of the Block-Recurrent Transformer.</param>
    public Layer(string name, ModelRecipe recipe, SlotLayout layout, StepForward? step, Layer? below, bool isLast, bool hasRecurrence)
        : base(name)
    {
        _norm = recipe.Norm.Split ? null : Part(new Norm(Path("norm"), recipe.Norm.Kind, recipe.Dim));
        var source = recipe.Xl.Source == XlSource.Below ? below : null;
        var isRead = source is null || !isLast;
        _attention = Part(new Attention(Path("attn"), recipe, layout, source?._attention, isRead, isLast));
        _recurrence = hasRecurrence ? Part(new RecurrentCell(Path("recurrence"), recipe, layout)) : null;
        _attn = MakeBranch(Recipes.Branch.Attn, "attn", recipe, Attend);
        var mlp = Part(new SlotMap<Mlp>(Path("mlp"), recipe.MemTransformer.Controller && !isLast, path => new Mlp(path, recipe.Dim, recipe.Mlp)));
        _mlp = MakeBranch(Recipes.Branch.Mlp, "mlp", recipe, (n, pass) => mlp.Apply(n, pass, (map, x) => map.Apply(x)));
        if (step is not null)
        {
            _stepForward = Part(step);
            _step = MakeBranch(Recipes.Branch.Step, "step", recipe, step.Apply);
        }
    }

    protected override string LocalName => Name;

    /// <summary>x [N, d] → [N, d].</summary>
    public Tensor Apply(Tensor x, Pass pass)
    {
        using var scope = Scope(pass.Graph);
        var n = _norm?.Apply(x);
        var y = x + _attn.Apply(x, n, pass) + _mlp.Apply(x, n, pass);
        return _step is null ? y : y + _step.Apply(x, n, pass);
    }

    public void OpenWindow(SlotPass pass)
    {
        _attention.OpenWindow(pass);
        _recurrence?.OpenWindow(pass);
        _stepForward?.OpenWindow(pass);
    }

    public void CloseWindow(SlotPass pass)
    {
        _attention.CloseWindow(pass);
        _recurrence?.CloseWindow(pass);
        _stepForward?.CloseWindow(pass);
    }

    /// <summary>To slots and, in one layer, to the state: what both give is added.</summary>
    private Tensor Attend(Tensor n, Pass pass)
    {
        var y = _attention.Apply(n, pass);
        return _recurrence is null ? y : y + _recurrence.Apply(n, pass);
    }

    private Branch MakeBranch(Recipes.Branch kind, string name, ModelRecipe recipe, Func<Tensor, Pass, Tensor> apply)
    {
        var norm = recipe.Norm.Split ? Part(new Norm(Path($"norm.{name}"), recipe.Norm.Kind, recipe.Dim)) : null;
        var gate = recipe.Gate.Of.Contains(kind) ? Part(new Gate(Path($"gates.{name}"), recipe.Dim, recipe.Gate)) : null;
        return new Branch(norm, gate, apply);
    }

    private sealed record Branch(Norm? Norm, Gate? Gate, Func<Tensor, Pass, Tensor> Map)
    {
        public Tensor Apply(Tensor x, Tensor? shared, Pass pass)
        {
            var n = Norm?.Apply(x) ?? shared ?? throw new InvalidOperationException("A branch has a norm of its own or shares one.");
            var y = Map(n, pass);
            return Gate?.Apply(n, y) ?? y;
        }
    }
}
