using System.Text;
using Baka.Model.Recipes.Schema;
using Baka.Model.Recipes.Yaml;

namespace Baka.Model.Recipes;

/// <summary>A key of the recipe as help shows it.</summary>
/// <param name="Path">Dotted key, such as "xl.windows".</param>
/// <param name="Values">The values allowed.</param>
/// <param name="Default">Its value when no recipe sets it.</param>
/// <param name="Help">What it does.</param>
public sealed record RecipeKey(string Path, string Values, string Default, string Help);

/// <summary>Help and documentation of recipes, made from the declarations on the recipe records.</summary>
public static class RecipeDocumentation
{
    private const string Introduction = """
        # Recipes

        A recipe is a short YAML file that holds only what differs from the defaults. It is put together from, each
        overriding the one before:

        1. the preset named by `preset:` (`tiny` when none is),
        2. the recipe that `extends:` names, by name or by a path relative to the file, and what that one extends,
        3. the file's own keys,
        4. `--set key=value` on the command line.

        Keys may be nested or dotted: `xl: { windows: 2 }` and `xl.windows: 2` say the same. A list is replaced whole.
        Paths to text and tokenizers are relative to the working folder.
        Unknown keys, values out of range and combinations that make no sense are refused. Every run keeps its recipe
        with all keys written out, and that file is a recipe too.

        This page is generated from the program's own declarations; `BAKA_UPDATE_DOCS=1 dotnet test
        tests/Baka.Model.Tests` writes it anew.
        """;

    private static readonly Recipe Default = RecipeLoader.Load(new Recipe().Preset, []);

    /// <summary>Every key, in the order declared.</summary>
    public static IReadOnlyList<RecipeKey> Keys { get; } = [.. RecipeSchema.Root.All().SelectMany(section => Describe(section))];

    /// <summary>The text of docs/recipes.md.</summary>
    public static string Markdown()
    {
        var page = new StringBuilder(Introduction.ReplaceLineEndings("\n")).Append("\n\n");
        AppendPresets(page);
        AppendBuiltIn(page);
        page.Append("## Keys\n");
        foreach (var section in RecipeSchema.Root.All()) AppendKeys(page, section);
        return page.ToString();
    }

    internal static string Inline(Node node) => node switch
    {
        Scalar scalar => scalar.Text,
        Sequence sequence => $"[{string.Join(", ", sequence.Items.Select(Inline))}]",
        Mapping mapping => $"{{ {string.Join(", ", mapping.Entries.Select(x => $"{x.Key}: {Inline(x.Value)}"))} }}",
        _ => throw new ArgumentException("Only values stand on one line.", nameof(node)),
    };

    private static IEnumerable<RecipeKey> Describe(Section section) =>
        Describe(section, RecipeSchema.Root.Walk(Default).Single(x => x.Section == section).Record);

    private static IEnumerable<RecipeKey> Describe(Section section, object record) =>
        section.Fields.Select(x => new RecipeKey(x.Path, x.Kind.Description, x.Show(x.Get(record)), x.Help));

    private static void AppendPresets(StringBuilder page)
    {
        var presets = RecipeLoader.Presets.Select(x => RecipeLoader.Load(x, [])).ToArray();
        page.Append("## Presets\n\nWhere they differ; all else is as the defaults below.\n\n");
        page.Append($"| key | {string.Join(" | ", presets.Select(x => x.Name))} |\n|{string.Concat(presets.Select(_ => " --- |"))} --- |\n");
        foreach (var field in RecipeSchema.Fields.Values.Where(x => x != RecipeSchema.Name && x != RecipeSchema.Preset))
        {
            var values = presets.Select(x => field.Show(field.Get(RecordOf(field, x)))).ToArray();
            if (values.Distinct().Count() > 1) page.Append($"| `{field.Path}` | {string.Join(" | ", values)} |\n");
        }

        page.Append('\n');
    }

    private static object RecordOf(Field field, Recipe recipe) =>
        RecipeSchema.Root.Walk(recipe).Single(x => x.Section.Fields.Contains(field)).Record;

    // The first line of a built-in recipe is a comment that says what it is.
    private static void AppendBuiltIn(StringBuilder page)
    {
        page.Append("## Built-in recipes\n\n| name | extends | what it is |\n| --- | --- | --- |\n");
        foreach (var name in RecipeLoader.Presets.Concat(RecipeLoader.BuiltIn.Except(RecipeLoader.Presets)))
        {
            var source = RecipeSource.OpenBuiltIn(name);
            var extends = RecipeLayer.Read(source).Extends is var (ancestor, _) ? $"`{ancestor}`" : "";
            page.Append($"| `{name}` | {extends} | {source.Text.Split('\n')[0].TrimStart('#').Trim()} |\n");
        }

        page.Append('\n');
    }

    private static void AppendKeys(StringBuilder page, Section section)
    {
        if (section.Fields.Count == 0) return;
        AppendTable(page, section.Key.Help, Describe(section));
        foreach (var field in section.Fields)
            if (field.Kind.Item is { } item)
                AppendTable(page, $"One of the groups of `{field.Path}`", Describe(item, Activator.CreateInstance(item.Type)!));
    }

    private static void AppendTable(StringBuilder page, string title, IEnumerable<RecipeKey> keys)
    {
        page.Append($"\n### {title}\n\n| key | values | default | meaning |\n| --- | --- | --- | --- |\n");
        foreach (var key in keys)
            page.Append($"| `{key.Path}` | {key.Values} | {key.Default} | {key.Help} |\n");
    }
}
