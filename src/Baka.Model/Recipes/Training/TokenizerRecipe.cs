namespace Baka.Model.Recipes;

/// <summary>Where the tokenizer comes from.</summary>
public sealed record TokenizerRecipe : IRecipeRules
{
    [Key("a tokenizer.json; null = train a byte-level BPE of vocabulary ids on the training text")]
    public string? Path { get; init; }

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (Path is null && recipe.Data.Task.Kind is null && recipe.Model.Vocabulary < 256)
            yield return $"vocabulary {recipe.Model.Vocabulary} is too small for a byte-level tokenizer, which starts from 256 bytes: raise it or give tokenizer.path";
    }
}
