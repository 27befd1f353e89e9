using System.Text;

namespace Baka.Data.Tests;

/// <summary>Texts that tokenizers stumble over, from seeds.</summary>
internal static class Awkward
{
    private static readonly string[] Snippets =
    [
        "'s", "'S", "'ll", "'LL", "'Re", "'t", "'", "''", " ", "  ", "   ", "\n", "\r\n", "\n\n", "\t", "\u00A0", "\u3000", "\u2028", "\u0085",
        "a", "B", "word", "Élan", "ß", "漢字", "עברית", "ab12", "1", "1234567", "٣", "½", "Ⅷ", ".", "...", "!?", "—", "_", "\u0301", "e\u0301",
        "\0", "\u200B", "\uFEFF", "\uFFFD", "\uE000",
    ];

    private static readonly string[] BeyondBasic = ["😀", "👩‍💻", "𝐀", "𝟗", "𐍈", "𠀀", "🇩🇪"];

    /// <summary>A text of valid UTF-16.</summary>
    /// <param name="random">The seed's generator.</param>
    /// <param name="pieces">How many snippets to join.</param>
    /// <param name="basicOnly">Whether every character is one UTF-16 unit.</param>
    public static string Text(Random random, int pieces, bool basicOnly = false)
    {
        var text = new StringBuilder();
        for (var i = 0; i < pieces; i++)
        {
            text.Append(random.Next(4) switch
            {
                0 => RandomCharacter(random),
                1 when !basicOnly => BeyondBasic[random.Next(BeyondBasic.Length)],
                _ => Snippets[random.Next(Snippets.Length)],
            });
        }

        return text.ToString();
    }

    private static string RandomCharacter(Random random)
    {
        while (true)
        {
            var c = (char)random.Next(random.Next(3) == 0 ? 0x10000 : 0x250);
            // The long s folds to s in the published patterns, but not in .NET's.
            if (!char.IsSurrogate(c) && c != 'ſ')
                return c.ToString();
        }
    }
}
