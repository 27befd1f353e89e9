namespace Baka.Model.Recipes;

/// <summary>State vectors in one layer that are updated once a window (Block-Recurrent Transformer, arXiv 2203.07852).</summary>
public sealed record RecurrenceRecipe : IRecipeRules
{
    [Key("state vectors; 0 = none", Min = 0)]
    public int States { get; init; }

    [Key("the layer that has them, from 0; null = at five sixths of the height, the paper's 10th of 12", Min = 0)]
    public int? At { get; init; }

    [Key("what the update keeps: a learned share of every dimension, or what LSTM-style gates say")]
    public RecurrenceGate Gate { get; init; } = RecurrenceGate.Fixed;

    /// <summary>Whether a layer has the state vectors.</summary>
    public bool IsIn(int layer, int layers) => States > 0 && layer == (At ?? Math.Max(0, layers * 5 / 6 - 1));

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (States == 0)
            foreach (var conflict in RecipeChecks.Idle(this, new RecurrenceRecipe(), "recurrence.states is 0", "recurrence.states"))
                yield return conflict;
        if (States == 1)
            yield return "recurrence.states is 1, but attention to one vector has nothing to choose: set it to 2 or more";
        if (At >= recipe.Model.Layers.Count)
            yield return $"recurrence.at is {At}, but the last of {recipe.Model.Layers.Count} layers is {recipe.Model.Layers.Count - 1}";
    }
}

public enum RecurrenceGate { Fixed, Lstm }
