using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Baka.Model.Recipes.Yaml;

/// <summary>Reads the part of YAML that recipes use: one document, no aliases, modest nesting.</summary>
internal static class YamlReader
{
    // A recipe is four levels deep; the limit keeps hostile nesting from exhausting the stack.
    private const int DeepestLevel = 16;

    /// <returns>The document's root, or null when the text holds nothing.</returns>
    /// <exception cref="RecipeException">The text is not such YAML.</exception>
    public static Node? Read(string text, string file)
    {
        var parser = new Parser(new StringReader(text));
        try
        {
            parser.Consume<StreamStart>();
            if (parser.Accept<StreamEnd>(out _)) return null;
            parser.Consume<DocumentStart>();
            var root = ReadNode(parser, file, level: 0);
            parser.Consume<DocumentEnd>();
            if (!parser.Accept<StreamEnd>(out _))
                throw new RecipeException($"{file}:{Line(parser.Current!)}: a second YAML document begins here; a recipe is one document.");
            return root is Scalar { IsNull: true } ? null : root;
        }
        catch (YamlException error)
        {
            throw new RecipeException($"{file}:{error.Start.Line}: this is not valid YAML ({error.Message.TrimEnd('.')}).");
        }
        catch (InvalidOperationException)
        {
            // The scanner's answer to some damaged text, with no place and no reason in it.
            throw new RecipeException($"{file}:{parser.Current?.End.Line ?? 1}: this is not valid YAML (the text near here is damaged).");
        }
    }

    private static Node ReadNode(IParser parser, string file, int level)
    {
        if (level > DeepestLevel)
            throw new RecipeException($"{file}:{Line(parser.Current!)}: YAML nested deeper than {DeepestLevel} levels is no recipe.");
        if (parser.TryConsume<YamlDotNet.Core.Events.Scalar>(out var scalar))
            return new Scalar(scalar.Value, scalar.Style == ScalarStyle.Plain, Line(scalar));
        if (parser.TryConsume<SequenceStart>(out var sequence))
        {
            var items = new List<Node>();
            while (!parser.TryConsume<SequenceEnd>(out _)) items.Add(ReadNode(parser, file, level + 1));
            return new Sequence(items, Line(sequence));
        }

        if (!parser.TryConsume<MappingStart>(out var mapping))
            throw new RecipeException($"{file}:{Line(parser.Current!)}: YAML aliases have no place in a recipe; write the value out.");

        var entries = new List<Entry>();
        while (!parser.TryConsume<MappingEnd>(out _))
        {
            if (ReadNode(parser, file, level + 1) is not Scalar key)
                throw new RecipeException($"{file}:{Line(mapping)}: a key must be a single word such as 'layers'.");
            entries.Add(new Entry(key.Text, ReadNode(parser, file, level + 1), key.Line));
        }

        return new Mapping(entries, Line(mapping));
    }

    private static int Line(ParsingEvent at) => (int)at.Start.Line;
}
