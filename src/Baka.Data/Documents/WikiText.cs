namespace Baka.Data.Documents;

/// <summary>
/// The raw form of WikiText (Merity et al. 2016, arXiv 1609.07843): articles one after another, each beginning with a
/// line <c> = Title = </c> between blank lines; the headings inside an article have two or more equals signs.
/// </summary>
internal static class WikiText
{
    /// <summary>Whether the first line that is not blank is an article's heading.</summary>
    public static bool IsRaw(ReadOnlySpan<char> text)
    {
        foreach (var line in text.EnumerateLines())
        {
            if (!line.IsWhiteSpace())
                return IsHeading(line);
        }

        return false;
    }

    /// <summary>The articles, headings included. What stands before the first heading can only be blank.</summary>
    public static IEnumerable<Document> Split(string name, string text)
    {
        var starts = FindArticles(text);
        for (var i = 0; i < starts.Count; i++)
        {
            var end = i + 1 < starts.Count ? starts[i + 1] : text.Length;
            var article = text[starts[i]..end];
            var heading = article.AsSpan(0, (article.IndexOf('\n') is var length and >= 0) ? length : article.Length);
            yield return new Document($"{name}: {heading.Trim().Trim('=').Trim()}", article);
        }
    }

    private static List<int> FindArticles(ReadOnlySpan<char> text)
    {
        var starts = new List<int>();
        var afterBlank = true;
        for (var at = 0; at < text.Length;)
        {
            var rest = text[at..];
            var length = rest.IndexOf('\n');
            var line = length < 0 ? rest : rest[..length];
            var next = length < 0 ? text.Length : at + length + 1;
            if (afterBlank && IsHeading(line) && StartsBlank(text[next..]))
                starts.Add(at);
            afterBlank = line.IsWhiteSpace();
            at = next;
        }

        return starts;
    }

    private static bool StartsBlank(ReadOnlySpan<char> text)
    {
        var end = text.IndexOf('\n');
        return (end < 0 ? text : text[..end]).IsWhiteSpace();
    }

    private static bool IsHeading(ReadOnlySpan<char> line)
    {
        line = line.TrimEnd();
        return line.Length > 5 && line.StartsWith(" = ") && line.EndsWith(" =")
            && !line.StartsWith(" = = ") && !line.EndsWith(" = =");
    }
}
