namespace Baka.Model.Recipes;

/// <summary>Gated attention over a moving average in place of multi-head attention (arXiv 2209.10655).</summary>
public sealed record MegaRecipe : IRecipeRules
{
    [Key("states of every channel's moving average; 0 = multi-head attention", Min = 0)]
    public int States { get; init; }

    [Key("width of the values, in multiples of dim; keys are as wide as a head", Min = 1)]
    public int Expand { get; init; } = 2;

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (States == 0)
            foreach (var conflict in RecipeChecks.Idle(this, new MegaRecipe(), "mega.states is 0", "mega.states"))
                yield return conflict;
        else if (!recipe.Model.Attn.Equals(new AttentionRecipe()))
            yield return $"mega.states is {States}, so that there is no multi-head attention, but attn asks for something of it: leave out one of them";
    }
}
