namespace Baka.Model.Recipes;

/// <summary>Learned-vector slots inserted into every window (arXiv 2310.02226).</summary>
public sealed record PauseRecipe : IRecipeRules
{
    [Key("slots per window; 0 = none", Min = 0)]
    public int Count { get; init; } = 4;

    [Key("random positions, the first at 0, instead of every window / count tokens")]
    public bool Random { get; init; }

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (Count > recipe.Model.Window)
            yield return $"pause.count {Count} is more than the window of {recipe.Model.Window} tokens: lower it";
        if (Count == 0)
            foreach (var conflict in RecipeChecks.Idle(this, new PauseRecipe { Count = 0 }, "pause.count is 0", "pause.count"))
                yield return conflict;
    }
}
