namespace Baka.Model.Recipes.Schema;

/// <summary>The keys of a recipe, as the attributes on the recipe records declare them.</summary>
internal static class RecipeSchema
{
    public static Section Root { get; } = Section.Of<Recipe>();

    /// <summary>Fields by dotted path, in the order declared.</summary>
    public static IReadOnlyDictionary<string, Field> Fields { get; } =
        new OrderedDictionary<string, Field>(Root.All().SelectMany(x => x.Fields).Select(x => KeyValuePair.Create(x.Path, x)));

    /// <summary>Dotted paths that hold other keys instead of a value.</summary>
    public static IReadOnlySet<string> Sections { get; } =
        Root.All().Where(x => x.Path != "").Select(x => x.Path).ToHashSet();

    public static Field Name { get; } = Fields["name"];

    public static Field Preset { get; } = Fields["preset"];
}
