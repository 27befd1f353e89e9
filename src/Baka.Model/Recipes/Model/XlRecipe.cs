namespace Baka.Model.Recipes;

/// <summary>Attention to the keys and values of past windows (Transformer-XL, arXiv 1901.02860).</summary>
public sealed record XlRecipe : IRecipeRules
{
    [Key("long-reset: past at positions 0…P−1, the window after it; repos: the same without gradient into the past", NotBuilt = ["long-noreset", "query-zero", "flip-flop", "nope"])]
    public XlScheme Scheme { get; init; } = XlScheme.LongReset;

    [Key("past windows kept", Min = 1)]
    public int Windows { get; init; } = 1;

    [Key("first slots of the document kept for good (arXiv 2309.17453)", Min = 0)]
    public int Sinks { get; init; }

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (Scheme == XlScheme.None)
            foreach (var conflict in RecipeChecks.Idle(this, new XlRecipe { Scheme = XlScheme.None }, "xl.scheme is none", "xl.scheme"))
                yield return conflict;
        if (Sinks > recipe.Model.Window)
            yield return $"xl.sinks {Sinks} is more than the window of {recipe.Model.Window} tokens: sinks are slots of the first window";
    }
}

public enum XlScheme
{
    /// <summary>No past.</summary>
    None,

    /// <summary>Keys are cached unrotated; past at positions 0…P−1, window at P…P+T−1; gradient into the past.</summary>
    LongReset,

    /// <summary>As <see cref="LongReset"/>, without gradient into the past.</summary>
    Repos,
}
