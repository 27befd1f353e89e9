using Baka.Model.Recipes.Schema;
using Baka.Model.Recipes.Yaml;

namespace Baka.Model.Recipes;

/// <summary>Everything that decides a run: the model, its training, its data. Two recipes are equal when all values are.</summary>
public sealed record Recipe : IRecipeRules
{
    [Key("name of the run's folder; by default the file's name")]
    public string Name { get; init; } = "tiny";

    [Key("built-in preset whose values lie under this recipe's own")]
    public string Preset { get; init; } = "tiny";

    [Key("what a GPU computes with; null = bf16 on a GPU, f32 on the CPU, which has nothing else")]
    public Precision? Precision { get; init; }

    [Key("The model", Inline = true)]
    public ModelRecipe Model { get; init; } = new();

    [Key("Training")]
    public TrainRecipe Train { get; init; } = new();

    [Key("Data")]
    public DataRecipe Data { get; init; } = new();

    [Key("Tokenizer")]
    public TokenizerRecipe Tokenizer { get; init; } = new();

    [Key("Evaluation during training")]
    public EvalRecipe Eval { get; init; } = new();

    /// <summary>The recipe with every key written out; loading it gives an equal recipe.</summary>
    public string ToYaml() => YamlWriter.Write(RecipeSchema.Root.Write(this));

    /// <summary>Checks every value and every combination; recipes that were loaded have passed it.</summary>
    /// <exception cref="RecipeException">A value is out of its range, or values contradict each other.</exception>
    public void Check() => RecipeChecks.Check(this, $"recipe '{Name}'");

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (Name is "" or "." or ".." || Name.Any(c => c is '/' or '\\' || char.IsControl(c)))
            yield return $"name '{Name}' cannot name a folder: leave out slashes and control characters";
    }
}
