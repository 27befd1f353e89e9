using System.Text;
using System.Text.Json;

namespace Baka.Cli.Tests;

public sealed class TokenizerCommandTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();
    private readonly string _tokenizer;

    public TokenizerCommandTests()
    {
        var text = _folder.Write("text.txt", string.Join('\n', Enumerable.Range(0, 300).Select(i => $"the cat sat on the mat and saw {i} other cats")));
        _tokenizer = _folder.At("tokenizer.json");
        BakaProgram.Succeed("tokenizer", "train", "--data", text, "--vocabulary", "300", "--out", _tokenizer);
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Info_tells_what_was_trained()
    {
        var info = JsonDocument.Parse(BakaProgram.Succeed("tokenizer", "info", _tokenizer, "--json").Output).RootElement;
        Assert.Equal(300, info.GetProperty("vocabulary").GetInt32());
        Assert.Equal(300 - 257, info.GetProperty("merges").GetInt32());
        Assert.Contains("300 tokens", BakaProgram.Succeed("tokenizer", "info", _tokenizer).Output);
    }

    [Fact]
    public void Encoding_then_decoding_gives_back_every_byte()
    {
        var random = new Random(1);
        byte[][] texts = [[], "the cat"u8.ToArray(), "naïve – 猫 🐈\r\n\0\u001b[31m"u8.ToArray(), [0xff, 0xfe, 0x80, 0xc3], Bytes(random, 5000)];
        foreach (var text in texts)
        {
            var tokens = BakaProgram.Run(text, "tokenizer", "encode", _tokenizer);
            Assert.Equal(0, tokens.Code);
            var back = BakaProgram.Run(tokens.Bytes, "tokenizer", "decode", _tokenizer);
            Assert.Equal(0, back.Code);
            Assert.Equal(text, back.Bytes);
        }
    }

    [Fact]
    public void A_text_a_file_and_standard_input_are_encoded_alike()
    {
        const string Text = "the cat saw 7 cats";
        var expected = BakaProgram.Succeed("tokenizer", "encode", _tokenizer, Text).Output;
        Assert.Equal(expected, BakaProgram.Succeed("tokenizer", "encode", _tokenizer, "--text", _folder.Write("one.txt", Text)).Output);
        Assert.Equal(expected, BakaProgram.Run(Encoding.UTF8.GetBytes(Text), "tokenizer", "encode", _tokenizer).Output);
        Assert.True(JsonSerializer.Deserialize<int[]>(expected)!.Length < Text.Length);
    }

    [Theory]
    [InlineData("no json")]
    [InlineData("{\"a\": 1}")]
    [InlineData("[1, \"two\"]")]
    [InlineData("null")]
    [InlineData("[1, 999999]")]
    [InlineData("[-1]")]
    public void Tokens_that_are_none_are_refused(string json)
    {
        var outcome = BakaProgram.Run(Encoding.UTF8.GetBytes(json), "tokenizer", "decode", _tokenizer);
        UsageTests.AssertOneSentence(outcome, 1, "oken");
    }

    private static byte[] Bytes(Random random, int count)
    {
        var bytes = new byte[count];
        random.NextBytes(bytes);
        return bytes;
    }
}
