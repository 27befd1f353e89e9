using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;

namespace Baka.Data.Tokenizers;

/// <summary>
/// Any other pattern, by .NET's regular expressions: matches and what lies between them are pieces ("Isolated").
/// .NET sees UTF-16 units where the pattern means code points, so a code point beyond the basic plane is shown to it as
/// one character of the same category.
/// </summary>
internal sealed class RegexPreTokenizer : PreTokenizer
{
    private static readonly Dictionary<UnicodeCategory, char> StandIns = new()
    {
        [UnicodeCategory.UppercaseLetter] = 'Ꙁ',
        [UnicodeCategory.LowercaseLetter] = 'ꙁ',
        [UnicodeCategory.OtherLetter] = 'ꆈ',
        [UnicodeCategory.ModifierLetter] = 'ꚜ',
        [UnicodeCategory.NonSpacingMark] = '\uA806',
        [UnicodeCategory.SpacingCombiningMark] = '\uA823',
        [UnicodeCategory.DecimalDigitNumber] = '꘠',
        [UnicodeCategory.LetterNumber] = 'ꛦ',
        [UnicodeCategory.OtherNumber] = '꠰',
        [UnicodeCategory.OtherPunctuation] = '꘍',
        [UnicodeCategory.MathSymbol] = '⨀',
        [UnicodeCategory.OtherSymbol] = '꠨',
    };

    private readonly Regex _regex;

    /// <exception cref="ArgumentException">The pattern is not one that .NET understands.</exception>
    public RegexPreTokenizer(string pattern) => _regex = new Regex(pattern, RegexOptions.Compiled | RegexOptions.CultureInvariant);

    public override void Split(ReadOnlySpan<char> text, List<int> ends)
    {
        var from = ends.Count;
        if (!text.ContainsAnyInRange('\uD800', '\uDFFF'))
        {
            SplitBasic(text, ends);
            return;
        }

        SplitBasic(ToBasicPlane(text), ends);
        ToPlaces(text, ends, from);
    }

    private static string ToBasicPlane(ReadOnlySpan<char> text)
    {
        var basic = new StringBuilder(text.Length);
        foreach (var rune in text.EnumerateRunes())
            basic.Append(rune.IsBmp ? (char)rune.Value : StandIns.GetValueOrDefault(Rune.GetUnicodeCategory(rune), '\uE000'));
        return basic.ToString();
    }

    /// <summary>Turns counts of code points into places in the text.</summary>
    private static void ToPlaces(ReadOnlySpan<char> text, List<int> ends, int from)
    {
        var place = 0;
        var points = 0;
        for (var i = from; i < ends.Count; i++)
        {
            for (; points < ends[i]; points++)
                place += place + 1 < text.Length && char.IsSurrogatePair(text[place], text[place + 1]) ? 2 : 1;
            ends[i] = place;
        }
    }

    private void SplitBasic(ReadOnlySpan<char> text, List<int> ends)
    {
        var last = 0;
        foreach (var match in _regex.EnumerateMatches(text))
        {
            if (match.Length == 0)
                continue;
            if (match.Index > last)
                ends.Add(match.Index);
            last = match.Index + match.Length;
            ends.Add(last);
        }

        if (last < text.Length)
            ends.Add(text.Length);
    }
}
