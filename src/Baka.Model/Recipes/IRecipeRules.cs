namespace Baka.Model.Recipes;

/// <summary>A recipe section that knows which combinations of keys make no sense.</summary>
internal interface IRecipeRules
{
    /// <summary>One sentence (without its full stop) for every rule the recipe breaks.</summary>
    /// <param name="recipe">The whole recipe this section belongs to, every value within its own range.</param>
    IEnumerable<string> Conflicts(Recipe recipe);
}
