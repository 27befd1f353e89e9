namespace Baka.Model.Recipes;

/// <summary>Recurrent memory slots around every window (RMT, arXiv 2207.06881).</summary>
public sealed record MemoryRecipe : IRecipeRules
{
    [Key("memory slots; 0 = none", Min = 0)]
    public int Tokens { get; init; } = 16;

    [Key("what memory slots see: causal, or all slots as in the paper")]
    public MemoryMask Mask { get; init; } = MemoryMask.Causal;

    [Key("map applied to the memory between windows")]
    public Solidifier Solidifier { get; init; } = Solidifier.None;

    [Key("first and last slots re-initialized at every window", Min = 0)]
    public int Margin { get; init; }

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (Tokens == 0)
            foreach (var conflict in RecipeChecks.Idle(this, new MemoryRecipe { Tokens = 0 }, "memory.tokens is 0", "memory.tokens"))
                yield return conflict;
        else if (Margin > 0 && 2L * Margin >= Tokens)
            yield return $"memory.margin {Margin} re-initializes all {Tokens} memory slots, so that nothing is remembered: keep it below half of memory.tokens";
        if (Solidifier == Solidifier.Mlp && recipe.Model.Mlp.Hidden == 0)
            yield return "memory.solidifier is mlp, but mlp.hidden is 0: set mlp.hidden or choose another solidifier";
    }
}

public enum MemoryMask { Causal, Rmt }

public enum Solidifier { None, Glu, Gelephant, Mlp, Mixer }
