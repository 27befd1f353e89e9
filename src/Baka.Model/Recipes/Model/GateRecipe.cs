namespace Baka.Model.Recipes;

/// <summary>Gates y ← y ⊙ fn(G z) on the branches of every layer.</summary>
public sealed record GateRecipe : IRecipeRules
{
    [Key("gate function")]
    public GateFunction Fn { get; init; } = GateFunction.Relu;

    [Key("z: the branch's input, its output y, y − input, or input − y")]
    public GateSource On { get; init; } = GateSource.Input;

    [Key("branches with a gate; [] = no gates")]
    public ValueList<Branch> Of { get; init; } = [Branch.Attn, Branch.Mlp, Branch.Step];

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (Of.Count == 0)
            foreach (var conflict in RecipeChecks.Idle(this, new GateRecipe { Of = [] }, "gate.of is []", "gate.of"))
                yield return conflict;
        if (Of.Contains(Branch.Step) && recipe.Model.Step.Width == 0)
            yield return "gate.of names step, but step.width is 0: leave step out of gate.of or set step.width";
        if (Of.Contains(Branch.Mlp) && Enumerable.Range(0, recipe.Model.Layers.Count).All(i => recipe.Model.OfLayer(i).Mlp.Hidden == 0))
            yield return "gate.of names mlp, but no layer has an MLP: leave mlp out of gate.of or set mlp.hidden";
    }
}

public enum GateFunction { Relu, Sigmoid, LeakyRelu, Silu, Tanh, Elephant }

public enum GateSource { Input, Output, Difference, NegDifference }

public enum Branch { Attn, Mlp, Step }
