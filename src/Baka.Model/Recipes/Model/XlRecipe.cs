namespace Baka.Model.Recipes;

/// <summary>Attention to the keys and values of past windows (Transformer-XL, arXiv 1901.02860).</summary>
public sealed record XlRecipe : IRecipeRules
{
    [Key("long-reset: past at positions 0…P−1, the window after it; repos: the same without gradient into the past; long-noreset: positions in the document; query-zero: queries at 0…S−1, keys as in long-reset; flip-flop: windows begin at 0 and at xl.flip in turn; nope: no positions")]
    public XlScheme Scheme { get; init; } = XlScheme.LongReset;

    [Key("past windows kept", Min = 1)]
    public int Windows { get; init; } = 1;

    [Key("whose keys and values a layer attends to: its own, or those of the layer below")]
    public XlSource Source { get; init; } = XlSource.Same;

    [Key("position at which every other window begins with flip-flop; null = half of rope.theta", Min = 1)]
    public int? Flip { get; init; }

    [Key("first slots of the document kept for good (arXiv 2309.17453)", Min = 0)]
    public int Sinks { get; init; }

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (Scheme == XlScheme.None)
            foreach (var conflict in RecipeChecks.Idle(this, new XlRecipe { Scheme = XlScheme.None }, "xl.scheme is none", "xl.scheme"))
                yield return conflict;
        if (Flip is not null && Scheme != XlScheme.FlipFlop)
            yield return $"xl.flip is {Flip}, but only xl.scheme flip-flop uses it: set that or leave out xl.flip";
        if (Source == XlSource.Below && recipe.Model.Fanout.Step > 0)
            yield return $"xl.source is below, but with fanout.step {recipe.Model.Fanout.Step} the layer below has narrower keys: leave out one of them";
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

    /// <summary>Keys are cached rotated; every slot at its place in the document.</summary>
    LongNoreset,

    /// <summary>Keys as in <see cref="LongReset"/>, but queries at 0…T−1.</summary>
    QueryZero,

    /// <summary>Keys are cached rotated; windows begin at 0 and at <see cref="XlRecipe.Flip"/> in turn.</summary>
    FlipFlop,

    /// <summary>No rotation.</summary>
    Nope,
}

/// <summary>Of keys and values of the past.</summary>
public enum XlSource
{
    /// <summary>The layer that reads them.</summary>
    Same,

    /// <summary>The layer below it; the first layer reads its own.</summary>
    Below,
}
