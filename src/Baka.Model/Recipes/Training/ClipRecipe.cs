namespace Baka.Model.Recipes;

/// <summary>Clipping of the gradient's global norm.</summary>
public sealed record ClipRecipe
{
    [Key("largest global gradient norm; null = no fixed limit", Above = 0)]
    public double? Norm { get; init; } = 0.5;

    [Key("clip also to this percentile of all norms so far (AutoClip, arXiv 2007.14469)", Above = 0, Max = 100)]
    public double? Percentile { get; init; }
}
