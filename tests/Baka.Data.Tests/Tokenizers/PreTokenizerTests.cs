using System.Text.RegularExpressions;
using Baka.Data.Tokenizers;

namespace Baka.Data.Tests.Tokenizers;

public sealed class PreTokenizerTests
{
    // Chars of the classes L, N and neither that occur nowhere else in the tests, to stand for pairs of surrogates.
    private const char Letter = 'ꙮ', Number = '꘡', Other = '꘎';

    public static TheoryData<string> Patterns => [Gpt2PreTokenizer.Pattern, Llama3PreTokenizer.Pattern, Llama3PreTokenizer.SingleDigitPattern];

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Scanners_cut_awkward_text_as_the_regular_expression_does(string pattern)
    {
        var regex = new Regex(pattern, RegexOptions.CultureInvariant);
        for (var seed = 0; seed < 3000; seed++)
        {
            var text = Awkward.Text(new Random(seed), 1 + seed % 40, basicOnly: true);
            Assert.Equal(regex.Matches(text).Select(match => match.Value), Split(Scanner(pattern), text));
        }
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Scanners_cut_real_text_as_the_regular_expression_does(string pattern)
    {
        var text = RealText.English();
        text = text[..Math.Min(text.Length, 300_000)];
        Assert.Equal(Regex.Matches(text, pattern, RegexOptions.CultureInvariant).Select(match => match.Value), Split(Scanner(pattern), text));
    }

    [Theory]
    [MemberData(nameof(Patterns))]
    public void Code_points_beyond_the_basic_plane_have_their_class(string pattern)
    {
        var regex = new Regex(pattern, RegexOptions.CultureInvariant);
        var general = new RegexPreTokenizer(pattern);
        for (var seed = 0; seed < 2000; seed++)
        {
            var random = new Random(seed);
            var basic = string.Concat(Enumerable.Range(0, 12).Select(_ => random.Next(3) switch
            {
                0 => new[] { Letter, Number, Other }[random.Next(3)].ToString(),
                _ => Awkward.Text(random, 1, basicOnly: true),
            }));
            var expected = regex.Matches(basic).Select(match => Widen(match.Value));
            Assert.Equal(expected, Split(Scanner(pattern), Widen(basic)));
            Assert.Equal(expected, Split(general, Widen(basic)));
        }

        static string Widen(string text) => text.Replace(Letter.ToString(), "𐍈").Replace(Number.ToString(), "𝟗").Replace(Other.ToString(), "😀");
    }

    [Fact]
    public void Contractions_ignore_case_by_unicode_folding_in_the_llama_pattern()
    {
        Assert.Equal(["A", "'ſ", " b"], Split(new Llama3PreTokenizer(3), "A'ſ b"));
        Assert.Equal(["A", "'LL", "x"], Split(new Llama3PreTokenizer(3), "A'LLx"));
        Assert.Equal(["A", "'", "LL"], Split(new Gpt2PreTokenizer(), "A'LL"));
    }

    [Fact]
    public void Lone_surrogates_are_neither_letters_nor_lost()
    {
        const string Text = "a\uD800b\uDC00 \uD800";
        foreach (var scanner in (PreTokenizer[])[new Gpt2PreTokenizer(), new Llama3PreTokenizer(3), new RegexPreTokenizer(@"\p{L}+")])
            Assert.Equal(Text, string.Concat(Split(scanner, Text)));
    }

    [Fact]
    public void Regular_expressions_isolate_matches_and_gaps()
    {
        Assert.Equal(["ab", "12", "-", "3", "cd"], Split(new RegexPreTokenizer(@"\p{N}+"), "ab12-3cd"));
        Assert.Equal(["ab"], Split(new RegexPreTokenizer("x*"), "ab"));
    }

    [Fact]
    public void A_sequence_splits_the_pieces_of_its_first_part()
    {
        var sequence = new SequencePreTokenizer(new RegexPreTokenizer(@"\p{N}"), new Gpt2PreTokenizer());
        Assert.Equal(["ab", " cd", "1", "2", " e", "."], Split(sequence, "ab cd12 e."));
    }

    private static PreTokenizer Scanner(string pattern) => pattern switch
    {
        Gpt2PreTokenizer.Pattern => new Gpt2PreTokenizer(),
        Llama3PreTokenizer.Pattern => new Llama3PreTokenizer(3),
        _ => new Llama3PreTokenizer(1),
    };

    private static List<string> Split(PreTokenizer preTokenizer, string text)
    {
        var ends = new List<int>();
        preTokenizer.Split(text, ends);
        return ends.Select((end, i) => text[(i == 0 ? 0 : ends[i - 1])..end]).ToList();
    }
}
