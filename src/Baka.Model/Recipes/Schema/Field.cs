using System.Reflection;

namespace Baka.Model.Recipes.Schema;

/// <summary>A key that holds a value.</summary>
/// <param name="Path">Dotted path from the recipe's root, such as "xl.windows".</param>
internal sealed record Field(string Path, string Name, PropertyInfo Property, ValueKind Kind, string Help)
{
    public object? Get(object section) => Property.GetValue(section);

    public string Show(object? value) => RecipeDocumentation.Inline(Kind.Write(value));
}
