namespace Baka.Model.Recipes;

/// <summary>The text of a recipe and where it was found.</summary>
/// <param name="Label">What sentences call it: the path as given, or the built-in's name.</param>
/// <param name="Name">File name without its ending, or the built-in's name.</param>
/// <param name="Folder">Folder that paths in <c>extends</c> start from; null for a built-in.</param>
/// <param name="Identity">Equal for equal sources.</param>
internal sealed record RecipeSource(string Label, string Name, string? Folder, string Identity, string Text)
{
    private const string Prefix = "recipes/";

    /// <summary>Names of all built-in recipes.</summary>
    public static IReadOnlyList<string> BuiltIn { get; } =
        [.. typeof(RecipeSource).Assembly.GetManifestResourceNames()
            .Where(x => x.StartsWith(Prefix, StringComparison.Ordinal)).Select(x => x[Prefix.Length..]).Order(StringComparer.Ordinal)];

    /// <summary>A file when there is one of that path, otherwise a built-in recipe.</summary>
    /// <param name="folder">Folder the path starts from; null finds built-in recipes only.</param>
    /// <param name="where">What the sentence begins with when there is neither.</param>
    public static RecipeSource Open(string nameOrPath, string? folder, string where)
    {
        if (folder is not null && Path.Combine(folder, nameOrPath) is var path && File.Exists(path))
            return new RecipeSource(path, Path.GetFileNameWithoutExtension(path), Path.GetDirectoryName(path), Path.GetFullPath(path), ReadFile(path));
        if (BuiltIn.Contains(nameOrPath))
            return OpenBuiltIn(nameOrPath);
        throw new RecipeException(
            $"{where}'{nameOrPath}' is neither a file nor a built-in recipe; the presets are {string.Join(", ", RecipeLoader.Presets)}"
            + $" and the other recipes {string.Join(", ", BuiltIn.Except(RecipeLoader.Presets))}.");
    }

    public static RecipeSource OpenBuiltIn(string name)
    {
        using var reader = new StreamReader(typeof(RecipeSource).Assembly.GetManifestResourceStream(Prefix + name)!);
        return new RecipeSource($"recipe '{name}'", name, null, "built-in " + name, reader.ReadToEnd());
    }

    private static string ReadFile(string path)
    {
        try
        {
            return File.ReadAllText(path);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RecipeException($"{path} cannot be read: {error.Message}");
        }
    }
}
