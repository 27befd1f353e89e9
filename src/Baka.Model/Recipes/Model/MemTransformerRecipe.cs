namespace Baka.Model.Recipes;

/// <summary>Learned slots in front of every window (Memory Transformer, arXiv 2006.11527).</summary>
public sealed record MemTransformerRecipe : IRecipeRules
{
    [Key("[mem] slots per window; 0 = none", Min = 0)]
    public int Tokens { get; init; }

    [Key("MemBottleneck: tokens see [mem] slots and the past, but not each other")]
    public bool Bottleneck { get; init; }

    [Key("MemCtrl: [mem] slots have attention maps and an MLP of their own in every layer")]
    public bool Controller { get; init; }

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (Tokens == 0)
            foreach (var conflict in RecipeChecks.Idle(this, new MemTransformerRecipe(), "memtransformer.tokens is 0", "memtransformer.tokens"))
                yield return conflict;

        // Then only the past's keys and values, or memory, bring a gradient to those of tokens.
        if (Bottleneck && Controller && recipe.Model.Memory.Tokens == 0 && (recipe.Model.Xl.Scheme is XlScheme.None or XlScheme.Repos))
            yield return "with memtransformer.bottleneck and memtransformer.controller nothing learns from the tokens' keys and values: choose an xl.scheme that hands gradients back, set memory.tokens, or leave out one of the two";
    }
}
