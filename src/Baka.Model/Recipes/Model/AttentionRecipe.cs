namespace Baka.Model.Recipes;

/// <summary>Extras of attention.</summary>
public sealed record AttentionRecipe : IRecipeRules
{
    [Key("norm on queries and keys")]
    public QkNorm QkNorm { get; init; } = QkNorm.None;

    [Key("the norm spans each head, or the whole width")]
    public QkNormSpan QkNormPer { get; init; } = QkNormSpan.Head;

    [Key("queries and keys become [x ; c − x] with a learned scalar c")]
    public bool Negator { get; init; }

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (QkNorm == QkNorm.None && QkNormPer != QkNormSpan.Head)
            yield return "attn.qk_norm_per is width, but attn.qk_norm is none: set attn.qk_norm or leave out attn.qk_norm_per";
    }
}

public enum QkNorm { None, Layer, Rms }

public enum QkNormSpan { Head, Width }
