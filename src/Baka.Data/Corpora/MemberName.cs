using System.Globalization;
using System.Text;

namespace Baka.Data.Corpora;

/// <summary>
/// Names as people write them, from the identifiers of XML documentation (C# specification, annex D):
/// <c>M:System.String.Split(System.Char[],System.Int32)</c> is <c>String.Split(char[], int)</c>.
/// </summary>
internal static class MemberName
{
    private static readonly Dictionary<string, string> Keywords = new()
    {
        ["System.Boolean"] = "bool",
        ["System.Byte"] = "byte",
        ["System.Char"] = "char",
        ["System.Decimal"] = "decimal",
        ["System.Double"] = "double",
        ["System.Int16"] = "short",
        ["System.Int32"] = "int",
        ["System.Int64"] = "long",
        ["System.Object"] = "object",
        ["System.SByte"] = "sbyte",
        ["System.Single"] = "float",
        ["System.String"] = "string",
        ["System.UInt16"] = "ushort",
        ["System.UInt32"] = "uint",
        ["System.UInt64"] = "ulong",
        ["System.Void"] = "void",
    };

    /// <summary>The full name of the type that a member's identifier belongs to.</summary>
    public static string TypeOf(string id)
    {
        var name = WithoutParameters(id.AsSpan(2));
        var dot = name.LastIndexOf('.');
        return (dot < 0 ? name : name[..dot]).ToString();
    }

    /// <summary>A type with its namespace: <c>System.Collections.Generic.List&lt;T&gt;</c>.</summary>
    public static string FullType(string name, IReadOnlyList<string> typeParameters)
    {
        var tick = name.LastIndexOf('`');
        var dot = name.LastIndexOf('.');
        return tick < dot ? name : name[..(dot + 1)] + Segment(name[(dot + 1)..], typeParameters);
    }

    /// <summary>A member with its type and the types of its parameters: <c>List&lt;T&gt;.Insert(int, T)</c>.</summary>
    public static string Member(string id, IReadOnlyList<string> typeParameters, IReadOnlyList<string> methodTypeParameters)
    {
        var name = WithoutParameters(id.AsSpan(2)).ToString();
        var dot = name.LastIndexOf('.');
        if (dot < 0)
            return name;
        var typeDot = name.LastIndexOf('.', dot - 1);
        var type = Segment(name[(typeDot + 1)..dot], typeParameters);
        var member = name[(dot + 1)..];
        var text = new StringBuilder(type);
        if (member is not ("#ctor" or "#cctor"))
            text.Append('.').Append(Segment(Readable(member), methodTypeParameters));
        if (id[0] == 'M')
            text.Append('(');
        var open = id.IndexOf('(');
        if (open >= 0)
        {
            var close = id.LastIndexOf(')');
            if (id[0] != 'M')
                text.Append('[');
            text.AppendJoin(", ", SplitList(id[(open + 1)..(close < 0 ? id.Length : close)]).Select(type => Parameter(type, typeParameters, methodTypeParameters)));
            if (id[0] != 'M')
                text.Append(']');
        }

        return id[0] == 'M' ? text.Append(')').ToString() : text.ToString();
    }

    /// <summary>What a reference in running text is called: types without namespace, members with their type.</summary>
    public static string Reference(string? reference)
    {
        if (string.IsNullOrEmpty(reference))
            return "";
        if (reference.Length < 2 || reference[1] != ':')
        {
            var colon = reference.IndexOf(':');
            if (colon < 0 && reference.Contains('('))
                return Member("M:" + reference, [], []);
            return colon < 0 ? Last(reference) : Member("P:" + reference[(colon + 1)..], [], []);
        }

        return reference[0] switch
        {
            'T' => Segment(Last(reference[2..]), []),
            'N' or '!' => reference[2..],
            _ => Member(reference, [], []),
        };
    }

    private static string Last(string name) => name[(name.LastIndexOf('.') + 1)..];

    private static ReadOnlySpan<char> WithoutParameters(ReadOnlySpan<char> name)
    {
        var open = name.IndexOf('(');
        var end = open >= 0 ? open : name.IndexOf('~');
        return end < 0 ? name : name[..end];
    }

    /// <summary>Explicit implementations name their interface with # for dots; operators begin with op_.</summary>
    private static string Readable(string member)
    {
        var last = member[(member.LastIndexOf('#') + 1)..];
        return last.StartsWith("op_", StringComparison.Ordinal) ? last[3..] : last;
    }

    /// <summary>A name with its arity as type parameters: <c>List`1</c> is <c>List&lt;T&gt;</c>.</summary>
    private static string Segment(string name, IReadOnlyList<string> typeParameters)
    {
        var tick = name.IndexOf('`');
        if (tick < 0 || !int.TryParse(name.AsSpan(tick).TrimStart('`'), NumberStyles.None, CultureInfo.InvariantCulture, out var arity))
            return name;
        var names = Enumerable.Range(0, arity).Select(i => TypeParameter(i, arity, typeParameters));
        return $"{name[..tick]}<{string.Join(", ", names)}>";
    }

    private static string TypeParameter(int index, int arity, IReadOnlyList<string> names) =>
        index < names.Count ? names[index] : arity == 1 ? "T" : $"T{index + 1}";

    private static string Parameter(string type, IReadOnlyList<string> typeParameters, IReadOnlyList<string> methodTypeParameters)
    {
        type = type.Trim().TrimEnd('@');
        if (type.EndsWith(']') && type.LastIndexOf('[') is var bracket and > 0)
            return Parameter(type[..bracket], typeParameters, methodTypeParameters) + $"[{new string(',', type.AsSpan(bracket).Count(','))}]";
        if (type.EndsWith('*'))
            return Parameter(type[..^1], typeParameters, methodTypeParameters) + "*";
        if (type.StartsWith('`') && int.TryParse(type.AsSpan().TrimStart('`'), NumberStyles.None, CultureInfo.InvariantCulture, out var index))
            return TypeParameter(index, 1 + index, type.StartsWith("``", StringComparison.Ordinal) ? methodTypeParameters : typeParameters);
        if (Keywords.TryGetValue(type, out var keyword))
            return keyword;

        var open = type.IndexOf('{');
        if (open < 0 || !type.EndsWith('}'))
            return Last(open < 0 ? type : type[(type.LastIndexOf('}') + 1)..]);
        var arguments = SplitList(type[(open + 1)..^1]).Select(argument => Parameter(argument, typeParameters, methodTypeParameters));
        var name = Last(type[..open]);
        return name == "Nullable" ? $"{arguments.First()}?" : $"{name}<{string.Join(", ", arguments)}>";
    }

    /// <summary>Splits at the commas that are not inside brackets of any kind.</summary>
    private static IEnumerable<string> SplitList(string list)
    {
        var depth = 0;
        var start = 0;
        for (var i = 0; i < list.Length; i++)
        {
            depth += list[i] is '{' or '[' or '(' ? 1 : list[i] is '}' or ']' or ')' ? -1 : 0;
            if (list[i] != ',' || depth > 0)
                continue;
            yield return list[start..i];
            start = i + 1;
        }

        if (start < list.Length)
            yield return list[start..];
    }
}
