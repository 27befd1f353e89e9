using System.Text.RegularExpressions;
using YamlDotNet.Core;
using YamlDotNet.Core.Events;

namespace Baka.Model.Recipes.Yaml;

/// <summary>Writes nodes as YAML: mappings in block style, lists in flow style.</summary>
internal static partial class YamlWriter
{
    public static string Write(Node root)
    {
        using var text = new StringWriter { NewLine = "\n" };
        var emitter = new Emitter(text, EmitterSettings.Default.WithBestWidth(int.MaxValue));
        emitter.Emit(new StreamStart());
        emitter.Emit(new DocumentStart());
        Emit(emitter, root);
        emitter.Emit(new DocumentEnd(isImplicit: true));
        emitter.Emit(new StreamEnd());
        return text.ToString();
    }

    private static void Emit(Emitter emitter, Node node)
    {
        switch (node)
        {
            case Scalar scalar:
                var style = scalar.Plain || Word().IsMatch(scalar.Text) ? ScalarStyle.Plain : ScalarStyle.DoubleQuoted;
                emitter.Emit(new YamlDotNet.Core.Events.Scalar(null, null, scalar.Text, style, true, true));
                break;
            case Sequence sequence:
                emitter.Emit(new SequenceStart(null, null, true, SequenceStyle.Flow));
                foreach (var item in sequence.Items) Emit(emitter, item);
                emitter.Emit(new SequenceEnd());
                break;
            case Mapping mapping:
                emitter.Emit(new MappingStart(null, null, true, MappingStyle.Block));
                foreach (var entry in mapping.Entries)
                {
                    Emit(emitter, new Scalar(entry.Key, Plain: true));
                    Emit(emitter, entry.Value);
                }

                emitter.Emit(new MappingEnd());
                break;
        }
    }

    // Text that no reader of YAML takes for anything but itself; "null" is the one word that means something.
    [GeneratedRegex(@"^(?!null\z)[a-z][a-z0-9_./-]*\z")]
    private static partial Regex Word();
}
