using Baka.Model.Recipes.Schema;
using Baka.Model.Recipes.Yaml;

namespace Baka.Model.Recipes;

/// <summary>The keys that one file, or the command line, sets, each with its value and the place it was read from.</summary>
internal sealed class RecipeLayer
{
    public const string ExtendsKey = "extends";

    private readonly Dictionary<Field, (object? Value, string Place)> _values = [];

    public IReadOnlyDictionary<Field, (object? Value, string Place)> Values => _values;

    /// <summary>What the file extends, and where it says so.</summary>
    public (string Name, string Place)? Extends { get; private set; }

    public static RecipeLayer Read(RecipeSource source)
    {
        var layer = new RecipeLayer();
        switch (YamlReader.Read(source.Text, source.Label))
        {
            case null:
                break;
            case Mapping root:
                layer.Add("", root, line => $"{source.Label}:{line}", repeats: false);
                break;
            case var root:
                throw new RecipeException($"{source.Label}:{root.Line}: a recipe is a mapping of keys such as 'layers: 4', not {root.Quote()}.");
        }

        return layer;
    }

    /// <summary>Reads overrides of the form key=value; of two for the same key the later counts.</summary>
    public static RecipeLayer Read(IReadOnlyList<string> overrides)
    {
        var layer = new RecipeLayer();
        foreach (var text in overrides)
        {
            var place = $"--set {text}";
            if (text.Split('=', 2) is not [{ Length: > 0 } key, var value])
                throw new RecipeException($"{place}: an override is written key=value, such as xl.windows=2.");
            if (key == ExtendsKey)
                throw new RecipeException($"{place}: only a file can extend another; name the recipe to start from instead.");

            // Text is taken as it stands, so that no path needs quoting; everything else is YAML.
            var isText = RecipeSchema.Fields.TryGetValue(key, out var field) && field.Property.PropertyType == typeof(string);
            var node = isText ? new Scalar(value, Plain: true) : YamlReader.Read(value, place) ?? Scalar.Null;
            layer.Add("", new Mapping([new Entry(key, node)]), _ => place, repeats: true);
        }

        return layer;
    }

    private void Add(string section, Mapping mapping, Func<int, string> placeOf, bool repeats)
    {
        foreach (var entry in mapping.Entries)
        {
            var place = placeOf(entry.Line);
            var key = section == "" ? entry.Key : $"{section}.{entry.Key}";
            if (key == ExtendsKey)
                AddExtends(entry.Value, place);
            else if (RecipeSchema.Fields.TryGetValue(key, out var field))
                AddValue(field, entry.Value, place, repeats);
            else if (!RecipeSchema.Sections.Contains(key))
                throw new RecipeException($"{place}: there is no key '{key}'; the nearest is '{Names.Nearest(key, KnownKeys())}'.");
            else if (entry.Value is Mapping inside)
                Add(key, inside, placeOf, repeats);
            else if (entry.Value is not Scalar { IsNull: true })
                throw new RecipeException($"{place}: {key} must be a mapping of keys, not {entry.Value.Quote()}.");
        }
    }

    private static IEnumerable<string> KnownKeys() => RecipeSchema.Fields.Keys.Concat(RecipeSchema.Sections).Append(ExtendsKey);

    private void AddExtends(Node node, string place)
    {
        if (Extends is not null)
            throw new RecipeException($"{place}: {ExtendsKey} is given twice; keep one of them.");
        if (node is not Scalar { IsNull: false } scalar)
            throw new RecipeException($"{place}: {ExtendsKey} must be a recipe's name or path, not {node.Quote()}.");
        Extends = (scalar.Text, place);
    }

    private void AddValue(Field field, Node node, string place, bool repeats)
    {
        if (!field.Kind.TryRead(node, out var value) || !field.Kind.Allows(value))
            throw new RecipeException($"{place}: {field.Path} {field.Kind.Refusal(node)}.");
        if (!repeats && _values.ContainsKey(field))
            throw new RecipeException($"{place}: {field.Path} is given twice; keep one of them.");
        _values[field] = (value, place);
    }
}
