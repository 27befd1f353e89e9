namespace Baka.Model.Recipes;

/// <summary>A recipe that cannot be used. The message is one sentence for the user: where, what is wrong, what to do.</summary>
public sealed class RecipeException(string message) : Exception(message);
