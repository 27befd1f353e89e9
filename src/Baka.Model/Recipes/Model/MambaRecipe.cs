namespace Baka.Model.Recipes;

/// <summary>A selective state space behind the sum of a layer's branches (arXiv 2312.00752).</summary>
public sealed record MambaRecipe : IRecipeRules
{
    [Key("layers from one with a Mamba to the next; 0 = none", Min = 0)]
    public int Every { get; init; }

    [Key("states of every channel", Min = 1, Max = 128)]
    public int State { get; init; } = 16;

    [Key("slots the convolution in front of it sees", Min = 2)]
    public int Conv { get; init; } = 4;

    [Key("channels, in multiples of dim", Min = 1)]
    public int Expand { get; init; } = 2;

    [Key("width from which the step is made; null = dim / 16, rounded up", Min = 1)]
    public int? Rank { get; init; }

    /// <summary>Whether a layer has one: the last of every <see cref="Every"/>.</summary>
    internal bool Follows(int layer) => Every > 0 && (layer + 1) % Every == 0;

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (Every == 0)
            foreach (var conflict in RecipeChecks.Idle(this, new MambaRecipe(), "mamba.every is 0", "mamba.every"))
                yield return conflict;
        if (Every > recipe.Model.Layers.Count)
            yield return $"mamba.every {Every} is more than the {recipe.Model.Layers.Count} layers, so that none has a Mamba: lower it";
    }
}
