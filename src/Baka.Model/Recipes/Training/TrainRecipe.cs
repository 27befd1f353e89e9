using Baka.Graph;

namespace Baka.Model.Recipes;

/// <summary>How the model is trained.</summary>
public sealed record TrainRecipe : IRecipeRules
{
    [Key("rows: documents read side by side", Min = 1)]
    public int Batch { get; init; } = 8;

    [Key("rows computed at a time, whose gradients are summed; null = all, or on a GPU as many as fit into its memory", Min = 1)]
    public int? RowsPerPass { get; init; }

    [Key("consecutive windows of every row a step back-propagates through", Min = 1)]
    public int WindowsPerStep { get; init; } = 4;

    [Key("steps to train; null = until train.minutes", Min = 1)]
    public int? Steps { get; init; } = 500;

    [Key("minutes to train; the run ends with steps or minutes, whichever comes first", Above = 0)]
    public double? Minutes { get; init; }

    [Key("passes whose gradients are summed before one update", Min = 1)]
    public int Accumulate { get; init; } = 1;

    [Key("parts trained while all others stay as they are: embed, attn, mlp, lora, step, gates, norms, memory, pause, memtransformer, recurrence, mega, mamba, head, or layers such as layers.4-7 and layers.4-; null = all")]
    public ValueList<string>? Only { get; init; }

    [Key("decides initial weights, data order and random pauses", Min = 0)]
    public int Seed { get; init; } = 1;

    [Key("steps between evaluations; 0 = only at the end", Min = 0)]
    public int EvalEvery { get; init; } = 100;

    [Key("steps between checkpoints; 0 = only at the end", Min = 0)]
    public int CheckpointEvery { get; init; } = 100;

    [Key("latest checkpoints kept, besides the best", Min = 1)]
    public int Keep { get; init; } = 3;

    [Key("steps in a row with a NaN or infinite loss or gradient that end the run", Min = 1)]
    public int StopAfterBad { get; init; } = 10;

    [Key("AdamW")]
    public OptimizerRecipe Optimizer { get; init; } = new();

    [Key("Learning-rate schedule")]
    public ScheduleRecipe Schedule { get; init; } = new();

    [Key("Gradient clipping")]
    public ClipRecipe Clip { get; init; } = new();

    [Key("Curriculum: a memory task over more and more windows")]
    public CurriculumRecipe Curriculum { get; init; } = new();

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (RowsPerPass is { } rows && Batch % rows != 0)
            yield return $"train.rows_per_pass is {rows}: it must divide train.batch, which is {Batch}";
        if (Steps is null && Minutes is null)
            yield return "train.steps and train.minutes are both null, so that training would never end: set one of them";
        if (Only is not null && PartsProblem(recipe.Model, Only) is { } problem)
            yield return problem;
    }

    private static string? PartsProblem(ModelRecipe model, ValueList<string> parts)
    {
        try
        {
            return ModelParts.Problem(new LanguageModel(model).Parameters, model.Layers.Count, parts);
        }
        catch (GraphException e)
        {
            return $"there is no such model: {e.Message}";
        }
    }
}
