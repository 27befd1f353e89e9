namespace Baka.Data.Tokenizers;

/// <summary>A scanner for GPT-2's pattern, which GPT-NeoX and Pythia share.</summary>
internal sealed class Gpt2PreTokenizer : PreTokenizer
{
    public const string Pattern = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";

    public override void Split(ReadOnlySpan<char> text, List<int> ends)
    {
        for (var at = 0; at < text.Length;)
        {
            at = Next(text, at);
            ends.Add(at);
        }
    }

    /// <summary>The length of the white space that <c>\s+(?!\S)|\s+</c> matches: the last one is left to the word behind it.</summary>
    internal static int SkipSpaces(ReadOnlySpan<char> text, int start)
    {
        var end = CharClasses.SkipRun(text, start, CharClass.Space);
        return end < text.Length && end - start > 1 ? end - 1 : end;
    }

    private static int Next(ReadOnlySpan<char> text, int start)
    {
        var first = text[start];
        if (first == '\'' && Contraction(text[(start + 1)..]) is var length and > 0)
            return start + 1 + length;
        var body = first == ' ' && start + 1 < text.Length ? start + 1 : start;
        var kind = CharClasses.At(text, body, out _);
        return kind == CharClass.Space ? SkipSpaces(text, start) : CharClasses.SkipRun(text, body, kind);
    }

    private static int Contraction(ReadOnlySpan<char> rest)
    {
        if (rest.IsEmpty)
            return 0;
        return rest[0] switch
        {
            's' or 't' or 'm' or 'd' => 1,
            'r' or 'v' when rest.Length > 1 && rest[1] == 'e' => 2,
            'l' when rest.Length > 1 && rest[1] == 'l' => 2,
            _ => 0,
        };
    }
}
