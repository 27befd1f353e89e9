namespace Baka.Data.Tokenizers;

/// <summary>
/// A scanner for Llama 3's pattern (that of cl100k_base), and for its variants with another limit on the digits of
/// a piece.
/// </summary>
internal sealed class Llama3PreTokenizer(int digits) : PreTokenizer
{
    private const string Head = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}";
    private const string Tail = @"| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>Llama 3: numbers in pieces of up to three digits.</summary>
    public const string Pattern = Head + "{1,3}" + Tail;

    /// <summary>Qwen 2: every digit alone.</summary>
    public const string SingleDigitPattern = Head + Tail;

    public override void Split(ReadOnlySpan<char> text, List<int> ends)
    {
        for (var at = 0; at < text.Length;)
        {
            at = Next(text, at);
            ends.Add(at);
        }
    }

    private int Next(ReadOnlySpan<char> text, int start)
    {
        var first = text[start];
        if (first == '\'' && Contraction(text[(start + 1)..]) is var contraction and > 0)
            return start + 1 + contraction;

        var kind = CharClasses.At(text, start, out var length);
        if (kind == CharClass.Letter)
            return CharClasses.SkipRun(text, start, CharClass.Letter);
        if (kind == CharClass.Number)
            return SkipDigits(text, start);

        var behind = start + length;
        var next = behind < text.Length ? CharClasses.At(text, behind, out _) : CharClass.Space;
        if (next == CharClass.Letter && !IsLineBreak(first))
            return CharClasses.SkipRun(text, behind, CharClass.Letter);
        if (kind == CharClass.Other || (first == ' ' && next == CharClass.Other))
            return SkipLineBreaks(text, CharClasses.SkipRun(text, kind == CharClass.Other ? start : behind, CharClass.Other));
        return SkipSpaces(text, start);
    }

    private static int SkipSpaces(ReadOnlySpan<char> text, int start)
    {
        var end = CharClasses.SkipRun(text, start, CharClass.Space);
        var lastBreak = text[start..end].LastIndexOfAny('\r', '\n');
        return lastBreak >= 0 ? start + lastBreak + 1 : Gpt2PreTokenizer.SkipSpaces(text, start);
    }

    private static int SkipLineBreaks(ReadOnlySpan<char> text, int index)
    {
        while (index < text.Length && IsLineBreak(text[index]))
            index++;
        return index;
    }

    private static bool IsLineBreak(char c) => c is '\r' or '\n';

    private static int Contraction(ReadOnlySpan<char> rest)
    {
        if (rest.IsEmpty)
            return 0;
        var second = rest.Length > 1 ? Fold(rest[1]) : '\0';
        return Fold(rest[0]) switch
        {
            's' or 't' or 'm' or 'd' => 1,
            'r' or 'v' when second == 'e' => 2,
            'l' when second == 'l' => 2,
            _ => 0,
        };
    }

    // The published tokenizers ignore case by Unicode's simple folding, in which the long s is an s.
    private static char Fold(char c) => c == 'ſ' ? 's' : char.ToLowerInvariant(c);

    private int SkipDigits(ReadOnlySpan<char> text, int index)
    {
        for (var i = 0; i < digits && index < text.Length && CharClasses.At(text, index, out var length) == CharClass.Number; i++)
            index += length;
        return index;
    }
}
