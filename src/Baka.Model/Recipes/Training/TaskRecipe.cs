namespace Baka.Model.Recipes;

/// <summary>A task whose answers have to be remembered; its documents span a whole number of windows.</summary>
public sealed record TaskRecipe : IRecipeRules
{
    [Key("what is to be remembered: symbols to copy or to reverse, values of keys, a needle; null = no task, but text")]
    public TaskKind? Kind { get; init; }

    [Key("windows that a document spans", Min = 1)]
    public int Segments { get; init; } = 1;

    [Key("symbols to copy or reverse, pairs of key and value, or symbols of the needle; null = as many as fit", Min = 1)]
    public int? Length { get; init; }

    [Key("tokens between what is to be remembered and the question; null = drawn for every document", Min = 0)]
    public int? Distance { get; init; }

    [Key("different symbols or keys", Min = 1, Max = 4096)]
    public int Symbols { get; init; } = 8;

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (Kind is null)
        {
            foreach (var conflict in RecipeChecks.Idle(this, new TaskRecipe(), "data.task.kind is null", "data.task.kind"))
                yield return conflict;
            yield break;
        }

        if (recipe.Data.Train.Count + recipe.Data.Valid.Count > 0)
            yield return "data.task generates its documents, but texts are given too: leave out one of them";
        if (recipe.Tokenizer.Path is not null)
            yield return "data.task has tokens of its own: leave out tokenizer.path";
    }
}

/// <summary>Which task, see the classes in Baka.Data.Tasks.</summary>
public enum TaskKind { Copy, Reverse, Retrieval, MultiQuery, Needle }
