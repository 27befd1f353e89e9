namespace Baka.Model.Recipes;

/// <summary>Rotary position embedding over the whole head width, interleaved pairs (arXiv 2104.09864).</summary>
public sealed record RopeRecipe
{
    [Key("base of the rotation frequencies", Above = 0)]
    public double Theta { get; init; } = 10000;
}
