namespace Baka.Model.Recipes;

/// <summary>Training on a task begins with documents of few windows, and goes on with longer ones (as in arXiv 2304.11062).</summary>
public sealed record CurriculumRecipe : IRecipeRules
{
    [Key("windows that documents span in each stage before the last, which has data.task.segments; [] = no stages", Min = 1)]
    public ValueList<int> Segments { get; init; } = [];

    [Key("steps of each stage before the last", Min = 1)]
    public int Steps { get; init; } = 1000;

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (Segments.Count == 0)
            foreach (var conflict in RecipeChecks.Idle(this, new CurriculumRecipe(), "train.curriculum.segments is []", "train.curriculum.segments"))
                yield return conflict;
        else if (recipe.Data.Task.Kind is null)
            yield return "train.curriculum is for memory tasks, but data.task.kind is null: set it or leave out train.curriculum";
    }
}
