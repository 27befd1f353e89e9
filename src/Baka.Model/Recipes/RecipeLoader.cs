using Baka.Model.Recipes.Schema;

namespace Baka.Model.Recipes;

/// <summary>Puts recipes together: preset, then the files named by <c>extends</c>, then the file, then overrides.</summary>
public static class RecipeLoader
{
    /// <summary>Names of the built-in presets, small to large.</summary>
    public static IReadOnlyList<string> Presets { get; } = ["tiny", "small", "permuteformer-6", "baka-12"];

    /// <summary>Names of all built-in recipes, presets included.</summary>
    public static IReadOnlyList<string> BuiltIn => RecipeSource.BuiltIn;

    /// <summary>Loads and checks a recipe.</summary>
    /// <param name="nameOrPath">A file when there is one of that path, otherwise the name of a built-in recipe.</param>
    /// <param name="overrides">Dotted keys and YAML values such as <c>xl.windows=2</c>; the last for a key counts.</param>
    /// <exception cref="RecipeException">The recipe cannot be found, read or understood, or contradicts itself.</exception>
    public static Recipe Load(string nameOrPath, IReadOnlyList<string> overrides)
    {
        var source = RecipeSource.Open(nameOrPath, folder: "", where: "");
        var own = Chain(source);
        var set = RecipeLayer.Read(overrides);
        var preset = FindPreset(own, set);
        var layers = Chain(RecipeSource.OpenBuiltIn(preset)).Concat(own).Select(x => x.Layer).Append(set);

        var values = new Dictionary<Field, object?>();
        foreach (var layer in layers)
            foreach (var (field, (value, _)) in layer.Values) values[field] = value;
        values[RecipeSchema.Preset] = preset;

        // A name belongs to its file: one that extends another is not that other.
        values[RecipeSchema.Name] = Find(RecipeSchema.Name, set, own[^1].Layer)?.Value ?? source.Name;

        var recipe = Build(values);
        RecipeChecks.Check(recipe, source.Label);
        return recipe;
    }

    /// <summary>A source and what it extends, the furthest ancestor first.</summary>
    private static List<(RecipeSource Source, RecipeLayer Layer)> Chain(RecipeSource source)
    {
        var chain = new List<(RecipeSource Source, RecipeLayer Layer)>();
        for (var next = source; ;)
        {
            var layer = RecipeLayer.Read(next);
            chain.Insert(0, (next, layer));
            if (layer.Extends is not var (name, place)) return chain;
            next = RecipeSource.Open(name, next.Folder, $"{place}: ");
            if (chain.Any(x => x.Source.Identity == next.Identity))
                throw new RecipeException($"{place}: {RecipeLayer.ExtendsKey} goes in a circle back to {next.Label}; cut it somewhere.");
        }
    }

    private static string FindPreset(List<(RecipeSource Source, RecipeLayer Layer)> own, RecipeLayer set)
    {
        if (Find(RecipeSchema.Preset, [set, .. own.Select(x => x.Layer).Reverse()]) is not var (value, place))
            return new Recipe().Preset;
        var preset = (string)value!;
        if (!Presets.Contains(preset))
            throw new RecipeException($"{place}: preset must be one of {string.Join(", ", Presets)}, not '{preset}'.");

        // A preset's own file sets every size, so that another preset under it would change nothing but its name.
        foreach (var (source, layer) in own)
            if (Find(RecipeSchema.Preset, layer)?.Value as string is var itself && itself == source.Name && itself != preset)
                throw new RecipeException($"{place}: preset {preset} cannot lie under {source.Label}, which is a preset itself; start from {preset} instead.");
        return preset;
    }

    /// <summary>What the first of the layers that sets a key says.</summary>
    private static (object? Value, string Place)? Find(Field field, params ReadOnlySpan<RecipeLayer> layers)
    {
        foreach (var layer in layers)
            if (layer.Values.TryGetValue(field, out var setting)) return setting;
        return null;
    }

    // The records are fresh, so that setting their init-only properties by reflection is seen by nobody.
    private static Recipe Build(Dictionary<Field, object?> values)
    {
        var recipe = new Recipe();
        foreach (var (section, record) in RecipeSchema.Root.Walk(recipe))
            foreach (var field in section.Fields)
                if (values.TryGetValue(field, out var value)) field.Property.SetValue(record, value);
        return recipe;
    }
}
