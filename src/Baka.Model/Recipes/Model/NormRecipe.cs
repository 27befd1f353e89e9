namespace Baka.Model.Recipes;

/// <summary>How the layers' inputs are normalized.</summary>
public sealed record NormRecipe
{
    [Key("RMSNorm or LayerNorm")]
    public NormKind Kind { get; init; } = NormKind.Rms;

    [Key("one norm for each branch of a layer instead of one for all")]
    public bool Split { get; init; }
}

public enum NormKind { Rms, Layer }
