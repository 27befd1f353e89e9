using System.Buffers;

namespace Baka.Data.Tokenizers;

/// <summary>Finds added tokens in a text: the leftmost, and of those that begin at one place the longest.</summary>
internal sealed class AddedTokenMatcher
{
    private readonly AddedToken[] _longestFirst;
    private readonly SearchValues<string> _contents;

    public AddedTokenMatcher(IEnumerable<AddedToken> tokens)
    {
        _longestFirst = tokens.Where(token => token.Content.Length > 0).OrderByDescending(token => token.Content.Length).ToArray();
        _contents = SearchValues.Create(_longestFirst.Select(token => token.Content).ToArray(), StringComparison.Ordinal);
    }

    /// <summary>The next token at or after a place.</summary>
    /// <param name="text">Where to look.</param>
    /// <param name="from">What lies before this place is not touched.</param>
    /// <param name="start">Where the match begins, the white space it takes included.</param>
    /// <param name="end">The place just behind the match.</param>
    /// <returns>The token; null if there is none.</returns>
    public AddedToken? Find(ReadOnlySpan<char> text, int from, out int start, out int end)
    {
        start = end = text.Length;
        if (_longestFirst.Length == 0)
            return null;
        for (var at = from; text[at..].IndexOfAny(_contents) is var found and >= 0; at += found + 1)
        {
            start = at + found;
            foreach (var token in _longestFirst)
            {
                end = start + token.Content.Length;
                if (!text[start..].StartsWith(token.Content, StringComparison.Ordinal) || (token.SingleWord && IsInsideWord(text, start, end)))
                    continue;
                if (token.StripsLeft)
                    start = from + text[from..start].TrimEnd().Length;
                if (token.StripsRight)
                    end = text.Length - text[end..].TrimStart().Length;
                return token;
            }
        }

        start = end = text.Length;
        return null;
    }

    private static bool IsInsideWord(ReadOnlySpan<char> text, int start, int end) =>
        (start > 0 && IsWord(text[start - 1])) || (end < text.Length && IsWord(text[end]));

    private static bool IsWord(char c) => char.IsLetterOrDigit(c) || c == '_';
}
