namespace Baka.Model.Recipes;

/// <summary>The learning rate over a run: a linear warm-up, then a curve down to a fraction of the full rate.</summary>
public sealed record ScheduleRecipe
{
    [Key("curve after warm-up")]
    public ScheduleKind Kind { get; init; } = ScheduleKind.Cosine;

    [Key("steps of linear warm-up", Min = 0)]
    public int Warmup { get; init; } = 50;

    [Key("fraction of the learning rate at the run's end (cosine, linear)", Min = 0, Max = 1)]
    public double Final { get; init; } = 0.1;
}

public enum ScheduleKind { Constant, Cosine, Linear }
