namespace Baka.Model.Recipes;

/// <summary>AdamW (arXiv 1711.05101).</summary>
public sealed record OptimizerRecipe
{
    [Key("learning rate after warm-up", Name = "lr", Above = 0)]
    public double LearningRate { get; init; } = 1e-3;

    [Key("decay of the gradient's mean", Min = 0, Below = 1)]
    public double Beta1 { get; init; } = 0.9;

    [Key("decay of the squared gradient's mean", Min = 0, Below = 1)]
    public double Beta2 { get; init; } = 0.999;

    [Key("added to the root of the squared gradient's mean", Name = "eps", Above = 0)]
    public double Epsilon { get; init; } = 1e-8;

    [Key("share of a weight, times the learning rate, taken off at each step", Min = 0)]
    public double WeightDecay { get; init; } = 0.01;
}
