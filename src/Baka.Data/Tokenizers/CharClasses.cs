using System.Globalization;

namespace Baka.Data.Tokenizers;

internal enum CharClass : byte
{
    Other,
    Letter,
    Number,
    Space,

    /// <summary>Half of a surrogate pair: only the pair has a class.</summary>
    Surrogate,
}

/// <summary>The classes that pre-tokenizer patterns speak of: <c>\p{L}</c>, <c>\p{N}</c>, <c>\s</c>, for whole code points.</summary>
internal static class CharClasses
{
    private static readonly CharClass[] Table = new CharClass[char.MaxValue + 1];

    static CharClasses()
    {
        for (var c = 0; c <= char.MaxValue; c++)
            Table[c] = char.IsSurrogate((char)c) ? CharClass.Surrogate : Classify(c);
    }

    /// <summary>The class of the code point that begins at a place, and how many chars it takes.</summary>
    public static CharClass At(ReadOnlySpan<char> text, int index, out int length)
    {
        var kind = Table[text[index]];
        length = 1;
        return kind == CharClass.Surrogate ? AtSurrogate(text, index, out length) : kind;
    }

    /// <summary>Where the run of code points of one class that goes on at a place ends.</summary>
    public static int SkipRun(ReadOnlySpan<char> text, int index, CharClass kind)
    {
        while (index < text.Length && At(text, index, out var length) == kind)
            index += length;
        return index;
    }

    private static CharClass AtSurrogate(ReadOnlySpan<char> text, int index, out int length)
    {
        length = 1;
        if (index + 1 >= text.Length || !char.IsSurrogatePair(text[index], text[index + 1]))
            return CharClass.Other;
        length = 2;
        return Classify(char.ConvertToUtf32(text[index], text[index + 1]));
    }

    private static CharClass Classify(int point) => CharUnicodeInfo.GetUnicodeCategory(point) switch
    {
        UnicodeCategory.UppercaseLetter or UnicodeCategory.LowercaseLetter or UnicodeCategory.TitlecaseLetter
            or UnicodeCategory.ModifierLetter or UnicodeCategory.OtherLetter => CharClass.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => CharClass.Number,
        _ => point <= char.MaxValue && char.IsWhiteSpace((char)point) ? CharClass.Space : CharClass.Other,
    };
}
