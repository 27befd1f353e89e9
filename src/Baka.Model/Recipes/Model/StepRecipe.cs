namespace Baka.Model.Recipes;

/// <summary>StepForward: a third branch that maps the last <see cref="Width"/> normed inputs to one output.</summary>
public sealed record StepRecipe : IRecipeRules
{
    [Key("positions n each output reads; 0 = no step branch", Min = 0)]
    public int Width { get; init; } = 4;

    [Key("1: an output at every position; step.width: at every n-th", Min = 1)]
    public int Every { get; init; } = 1;

    [Key("layers sharing one map")]
    public StepSharing Share { get; init; } = StepSharing.None;

    [Key("the first n − 1 positions read the tail of the previous window")]
    public bool Carry { get; init; }

    /// <summary>The first of the layers that use the same map as a given one.</summary>
    internal int Owner(int layer) => Share switch { StepSharing.None => layer, StepSharing.Pairs => layer / 2 * 2, _ => 0 };

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (Width == 0)
            foreach (var conflict in RecipeChecks.Idle(this, new StepRecipe { Width = 0 }, "step.width is 0", "step.width"))
                yield return conflict;
        else if (Every != 1 && Every != Width)
            yield return $"step.every is {Every}: it must be 1 or step.width, which is {Width}";
        if (Width == 1 && Carry)
            yield return "step.carry is true, but a step.width of 1 reads no earlier position: widen it or leave out step.carry";
        if (Width > recipe.Model.Window)
            yield return $"step.width {Width} is more than the window of {recipe.Model.Window} tokens: lower it";
    }
}

public enum StepSharing { None, Pairs, All }
