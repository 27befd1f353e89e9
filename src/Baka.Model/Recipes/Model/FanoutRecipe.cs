namespace Baka.Model.Recipes;

/// <summary>Fan-out: every layer is wider than the one before.</summary>
public sealed record FanoutRecipe : IRecipeRules
{
    [Key("values by which each layer is wider than the one before, shared out to the ends of its heads; 0 = none", Min = 0)]
    public int Step { get; init; }

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        var model = recipe.Model;
        if (Step % (2L * model.Heads) != 0)
            yield return $"fanout.step {Step} is no multiple of {2L * model.Heads}, so that the {model.Heads} heads cannot grow by an even number of values each: change it";
        if (model.Dim + (model.Layers.Count - 1L) * Step > int.MaxValue)
            yield return $"fanout.step {Step} makes the last of {model.Layers.Count} layers wider than any memory: lower it";
        if (Step > 0 && model.Tie)
            yield return "tie is true, but with fanout.step the output map is wider than the embedding: leave out one of them";
        if (Step > 0 && model.Step.Share != StepSharing.None)
            yield return $"step.share is {ChoiceName.Of(model.Step.Share)}, but with fanout.step layers have different widths: leave out one of them";
    }
}
