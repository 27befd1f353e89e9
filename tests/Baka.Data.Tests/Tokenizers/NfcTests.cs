using Baka.Data.Tokenizers;

namespace Baka.Data.Tests.Tokenizers;

public sealed class NfcTests
{
    // From the rules of UAX #15 and its examples.
    [Theory]
    [InlineData("plain", "plain")]
    [InlineData("e\u0301", "é")]
    [InlineData("é", "é")]
    [InlineData("\u212B", "Å")]
    [InlineData("\u2126", "Ω")]
    [InlineData("s\u0323\u0307", "\u1E69")]
    [InlineData("s\u0307\u0323", "\u1E69")]
    [InlineData("\u1E9B\u0323", "\u1E9B\u0323")]
    [InlineData("d\u0307\u0323", "\u1E0D\u0307")]
    [InlineData("\u0958", "\u0915\u093C")]
    [InlineData("\u1100\u1161", "가")]
    [InlineData("\u1100\u1161\u11A8", "각")]
    [InlineData("가\u11A8", "각")]
    [InlineData("각\u11A8", "각\u11A8")]
    [InlineData("\u0344", "\u0308\u0301")]
    [InlineData("\u0301e", "\u0301e")]
    [InlineData("a\u0315\u0300\u05AE\u0062", "\u00E0\u05AE\u0315b")]
    [InlineData("\uFB2A", "\u05E9\u05C1")]
    [InlineData("\uD834\uDD5E", "\uD834\uDD57\uD834\uDD65")]
    [InlineData("\uD804\uDC99\uD804\uDCBA", "\uD804\uDC9A")]
    [InlineData("ﬁ “quoted” 漢", "ﬁ “quoted” 漢")]
    public void Text_is_composed_as_the_standard_says(string text, string expected) => Assert.Equal(expected, Nfc.Normalize(text));

    [Fact]
    public void Normalizing_twice_changes_nothing_more()
    {
        for (var seed = 0; seed < 500; seed++)
        {
            var once = Nfc.Normalize(Awkward.Text(new Random(seed), 30));
            Assert.Equal(once, Nfc.Normalize(once));
        }
    }
}
