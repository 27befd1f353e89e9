namespace Baka.Model.Recipes;

/// <summary>
/// Declares a property of a recipe record as a key of the recipe. The parser, the writer, the checks, the help and
/// docs/recipes.md all read this one declaration; the default is the property's initializer.
/// </summary>
/// <param name="help">What the key does, as one phrase.</param>
[AttributeUsage(AttributeTargets.Property)]
public sealed class KeyAttribute(string help) : Attribute
{
    public string Help { get; } = help;

    /// <summary>The key's name in the file; by default the property's name in snake_case.</summary>
    public string? Name { get; set; }

    /// <summary>The keys of this section stand directly in the section around it.</summary>
    public bool Inline { get; set; }

    /// <summary>The smallest number allowed.</summary>
    public double Min { get; set; } = double.NegativeInfinity;

    /// <summary>The largest number allowed.</summary>
    public double Max { get; set; } = double.PositiveInfinity;

    /// <summary>Numbers must be greater than this.</summary>
    public double Above { get; set; } = double.NegativeInfinity;

    /// <summary>Numbers must be less than this.</summary>
    public double Below { get; set; } = double.PositiveInfinity;
}
