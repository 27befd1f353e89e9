using System.Text;
using System.Xml;

namespace Baka.Data.Corpora;

/// <summary>What is said of one type or member.</summary>
/// <param name="Text">Its sections as lines of prose, in a fixed order; empty if there are none.</param>
/// <param name="TypeParameters">Names of its own type parameters.</param>
internal sealed record DocumentationMember(string Text, IReadOnlyList<string> TypeParameters)
{
    /// <summary>Reads an element named member, from its start to its end.</summary>
    public static DocumentationMember Read(XmlReader reader)
    {
        var typeParameters = new List<string>();
        var summary = new List<string>();
        var parameters = new List<string>();
        var results = new List<string>();
        var exceptions = new List<string>();
        var remarks = new List<string>();
        var depth = reader.Depth;
        reader.Read();
        while (reader.Depth > depth)
        {
            if (reader.NodeType != XmlNodeType.Element)
            {
                reader.Read();
                continue;
            }

            var section = reader.Name;
            var name = reader.GetAttribute("name") ?? "";
            var reference = reader.GetAttribute("cref");
            if (section == "typeparam")
                typeParameters.Add(name);
            var text = Prose.Read(reader);
            if (text.Length == 0)
                continue;
            switch (section)
            {
                case "summary":
                    summary.Add(text);
                    break;
                case "param" or "typeparam":
                    parameters.Add($"{name}: {text}");
                    break;
                case "returns":
                    results.Add($"Returns: {text}");
                    break;
                case "value":
                    results.Add($"Value: {text}");
                    break;
                case "exception":
                    exceptions.Add($"Throws {MemberName.Reference(reference)}: {text}");
                    break;
                case "remarks" or "example":
                    remarks.Add(text);
                    break;
            }
        }

        return new DocumentationMember(string.Join('\n', [.. summary, .. parameters, .. results, .. exceptions, .. remarks]), typeParameters);
    }
}
