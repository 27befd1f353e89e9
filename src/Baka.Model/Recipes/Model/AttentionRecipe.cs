namespace Baka.Model.Recipes;

/// <summary>Attention: its kind and its extras.</summary>
public sealed record AttentionRecipe : IRecipeRules
{
    [Key("softmax, or linear: weights are products of relu(q) and relu(k) and fade with distance, features are permuted by position (PermuteFormer, arXiv 2109.02377); the past is a state")]
    public AttentionKind Kind { get; init; } = AttentionKind.Softmax;

    [Key("linear attention: features are permuted by position")]
    public bool Permute { get; init; } = true;

    [Key("linear attention: weights fade with distance, in every head at its own rate")]
    public bool Fade { get; init; } = true;

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
        foreach (var conflict in Kind == AttentionKind.Linear ? OfLinear(recipe.Model) : OfSoftmax())
            yield return conflict;
    }

    private IEnumerable<string> OfSoftmax()
    {
        if (!Permute)
            yield return "attn.permute is false, but attn.kind is softmax: set attn.kind to linear or leave out attn.permute";
        if (!Fade)
            yield return "attn.fade is false, but attn.kind is softmax: set attn.kind to linear or leave out attn.fade";
    }

    private static IEnumerable<string> OfLinear(ModelRecipe model)
    {
        if (model.Xl.Scheme != XlScheme.None)
            yield return $"attn.kind is linear, whose state holds all of the past, but xl.scheme is {ChoiceName.Of(model.Xl.Scheme)}: set xl.scheme to none";
        if (model.Memory.Mask == MemoryMask.Rmt)
            yield return "attn.kind is linear, so that slots see only what lies before them, but memory.mask is rmt: leave out one of them";
        if (model.MemTransformer.Bottleneck)
            yield return "attn.kind is linear, so that slots see all that lies before them, but memtransformer.bottleneck is true: leave out one of them";
    }
}

public enum AttentionKind { Softmax, Linear }

public enum QkNorm { None, Layer, Rms }

public enum QkNormSpan { Head, Width }
