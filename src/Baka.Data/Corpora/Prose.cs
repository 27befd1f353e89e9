using System.Text;
using System.Xml;

namespace Baka.Data.Corpora;

/// <summary>Turns documentation markup into plain prose: references by their names, one paragraph or list item a line.</summary>
internal sealed class Prose
{
    private readonly StringBuilder _text = new();
    private bool _spaceDue;

    private Prose()
    {
    }

    /// <summary>Reads an element and moves behind its end.</summary>
    public static string Read(XmlReader reader)
    {
        var prose = new Prose();
        prose.AppendContent(reader);
        return prose._text.ToString().TrimEnd();
    }

    private void AppendContent(XmlReader reader)
    {
        if (reader.IsEmptyElement)
        {
            reader.Read();
            return;
        }

        var depth = reader.Depth;
        reader.Read();
        while (reader.Depth > depth)
        {
            switch (reader.NodeType)
            {
                case XmlNodeType.Element:
                    AppendElement(reader);
                    break;
                case XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.Whitespace or XmlNodeType.SignificantWhitespace:
                    AppendText(reader.Value);
                    reader.Read();
                    break;
                default:
                    reader.Read();
                    break;
            }
        }

        reader.Read();
    }

    private void AppendElement(XmlReader reader)
    {
        switch (reader.Name)
        {
            case "see" or "seealso" or "xref" or "paramref" or "typeparamref":
                AppendReference(reader);
                break;
            case "para" or "p" or "br" or "div" or "list" or "ul" or "ol" or "table" or "listheader":
                BreakLine();
                AppendContent(reader);
                BreakLine();
                break;
            case "item" or "li":
                BreakLine();
                _text.Append("- ");
                AppendContent(reader);
                BreakLine();
                break;
            case "term":
                AppendContent(reader);
                AppendTermEnd();
                break;
            case "code":
                AppendCode(reader);
                break;
            default:
                AppendContent(reader);
                break;
        }
    }

    private void AppendReference(XmlReader reader)
    {
        var name = reader.GetAttribute("name") ?? reader.GetAttribute("langword");
        var reference = reader.GetAttribute("cref") ?? reader.GetAttribute("uid");
        var before = _text.Length;
        AppendContent(reader);
        // Text between the tags is there to be read instead of the name.
        if (_text.Length == before)
            AppendText(name ?? MemberName.Reference(reference));
    }

    /// <summary>Code of several lines keeps them; a word of code in a sentence is a word.</summary>
    private void AppendCode(XmlReader reader)
    {
        var lines = ReadRaw(reader);
        if (!lines.Trim().Contains('\n'))
        {
            AppendText(lines.Trim());
            return;
        }

        BreakLine();
        foreach (var line in lines.Trim('\r', '\n').Split('\n'))
            _text.Append(line.TrimEnd()).Append('\n');
        BreakLine();
    }

    private static string ReadRaw(XmlReader reader)
    {
        var depth = reader.Depth;
        var raw = new StringBuilder();
        var isEmpty = reader.IsEmptyElement;
        while (!isEmpty && reader.Read() && reader.Depth > depth)
        {
            if (reader.NodeType is XmlNodeType.Text or XmlNodeType.CDATA or XmlNodeType.Whitespace or XmlNodeType.SignificantWhitespace)
                raw.Append(reader.Value);
        }

        reader.Read();
        return raw.ToString();
    }

    private void AppendTermEnd()
    {
        if (_text.Length > 0 && char.IsLetterOrDigit(_text[^1]))
            _text.Append(':');
        _spaceDue = true;
    }

    private void AppendText(string text)
    {
        foreach (var c in text)
        {
            if (char.IsWhiteSpace(c))
            {
                _spaceDue = true;
                continue;
            }

            if (_spaceDue && _text.Length > 0 && _text[^1] is not ('\n' or ' '))
                _text.Append(' ');
            _spaceDue = false;
            _text.Append(c);
        }
    }

    private void BreakLine()
    {
        _spaceDue = false;
        if (_text.Length > 0 && _text[^1] != '\n')
            _text.Append('\n');
    }
}
