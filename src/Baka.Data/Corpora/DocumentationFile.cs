using System.Text;
using System.Xml;

namespace Baka.Data.Corpora;

/// <summary>One XML documentation file, turned into a text for every type it describes.</summary>
internal static class DocumentationFile
{
    /// <returns>Full names of types and their texts; types of which nothing is said are left out.</returns>
    /// <exception cref="UserException">The file is not well-formed or can't be read.</exception>
    public static IReadOnlyDictionary<string, string> Read(string path)
    {
        try
        {
            // Read at once: the parser is faster on memory, and most of the files are small.
            using var reader = XmlReader.Create(new MemoryStream(File.ReadAllBytes(path)), new XmlReaderSettings { IgnoreComments = true });
            return Read(reader);
        }
        catch (Exception failure) when (failure is XmlException or IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path}: the documentation can't be read ({failure.Message.TrimEnd('.')}); repair the .NET SDK, or give text of your own with --data.", failure);
        }
    }

    private static Dictionary<string, string> Read(XmlReader reader)
    {
        var types = new Dictionary<string, TypeText>();
        while (reader.Read())
        {
            if (reader.NodeType != XmlNodeType.Element || reader.Name != "member" || reader.GetAttribute("name") is not [_, ':', ..] id)
                continue;
            if (id[0] == 'N' || reader.IsEmptyElement)
                continue;
            var typeName = id[0] == 'T' ? id[2..] : MemberName.TypeOf(id);
            if (!types.TryGetValue(typeName, out var type))
                types.Add(typeName, type = new TypeText(typeName));
            type.Add(id, reader);
        }

        return types.Where(type => type.Value.HasText).ToDictionary(type => type.Key, type => type.Value.ToString());
    }

    /// <summary>The text of one type in the making: its own section, then one for each member.</summary>
    private sealed class TypeText(string name)
    {
        private readonly StringBuilder _text = new();
        private IReadOnlyList<string> _typeParameters = [];

        public bool HasText => _text.Length > 0;

        /// <summary>Reads a member element to its end and adds what it says.</summary>
        public void Add(string id, XmlReader reader)
        {
            var member = DocumentationMember.Read(reader);
            if (id[0] == 'T')
                _typeParameters = member.TypeParameters;
            if (member.Text.Length == 0)
                return;
            if (HasText)
                _text.Append('\n');
            var heading = id[0] == 'T'
                ? MemberName.FullType(name, _typeParameters)
                : MemberName.Member(id, _typeParameters, member.TypeParameters);
            _text.Append(heading).Append('\n').Append(member.Text).Append('\n');
        }

        public override string ToString() => _text.ToString();
    }
}
