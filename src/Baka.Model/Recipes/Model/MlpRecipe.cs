namespace Baka.Model.Recipes;

/// <summary>The gated MLP: down(up(n) ⊙ act(gate(n))).</summary>
public sealed record MlpRecipe
{
    [Key("hidden width F", Min = 1)]
    public int Hidden { get; init; } = 512;

    [Key("activation of the gate")]
    public MlpActivation Act { get; init; } = MlpActivation.Elephant;

    [Key("Elephant activation")]
    public ElephantRecipe Elephant { get; init; } = new();
}

public enum MlpActivation { Elephant, Silu, Gelu, Relu, Sigmoid }

/// <summary>Shape of the MLP's elephant activation 1 / (1 + |x/a|^p) (arXiv 2310.01365).</summary>
public sealed record ElephantRecipe
{
    [Key("half of its width", Above = 0)]
    public double A { get; init; } = 1;

    [Key("steepness of its sides", Above = 0)]
    public double P { get; init; } = 8;
}
