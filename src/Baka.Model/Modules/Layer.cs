using Baka.Graph;
using Baka.Model.Passes;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>
/// n = Norm(x); x = x + Attn(n) + MLP(n) + Step(n), every branch perhaps gated, perhaps with a norm of its own, the MLP
/// and the step perhaps not there. What comes from a narrower layer is widened first.
/// </summary>
internal sealed class Layer : Module
{
    private readonly int _heads;
    private readonly int _width;
    private readonly Norm? _norm;
    private readonly Branch _attn;
    private readonly Branch? _mlp;
    private readonly Branch? _step;
    private readonly Attention _attention;
    private readonly StepForward? _stepForward;

    /// <param name="recipe">As this layer sees it.</param>
    /// <param name="mlp">Maps of the MLP; <c>null</c> = none.</param>
    /// <param name="step">Map of the step branch; <c>null</c> = none.</param>
    public Layer(string name, ModelRecipe recipe, SlotLayout layout, MlpMaps? mlp, StepMap? step)
        : base(name)
    {
        (_heads, _width) = (recipe.Heads, recipe.Dim);
        _norm = recipe.Norm.Split ? null : Part(new Norm(Path("norm"), recipe.Norm.Kind, recipe.Dim));
        _attention = Part(new Attention(Path("attn"), recipe, layout));
        _attn = MakeBranch(Recipes.Branch.Attn, "attn", recipe, _attention.Apply);
        if (mlp is not null)
        {
            var map = Part(new Mlp(Path("mlp"), mlp, recipe.Mlp));
            _mlp = MakeBranch(Recipes.Branch.Mlp, "mlp", recipe, (n, _) => map.Apply(n));
        }

        if (step is not null)
        {
            _stepForward = Part(new StepForward(Path("step"), recipe, layout, step));
            _step = MakeBranch(Recipes.Branch.Step, "step", recipe, _stepForward.Apply);
        }
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
        return _step is null ? y : y + _step.Apply(x, n, pass);
    }

    public void OpenWindow(SlotPass pass)
    {
        _attention.OpenWindow(pass);
        _stepForward?.OpenWindow(pass);
    }

    public void CloseWindow(SlotPass pass)
    {
        _attention.CloseWindow(pass);
        _stepForward?.CloseWindow(pass);
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
