namespace Baka.Model.Recipes;

/// <summary>Evaluation on the validation split while training.</summary>
public sealed record EvalRecipe
{
    [Key("rows: documents read side by side", Min = 1)]
    public int Batch { get; init; } = 8;

    [Key("predicted tokens after which an evaluation ends; null = the whole split", Min = 1)]
    public long? Tokens { get; init; } = 50_000;
}
