using System.Text;

namespace Baka.Data.Tokenizers;

/// <summary>Decodes tokens as they come, holding back a character until its last byte is there.</summary>
public sealed class StreamingDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private char[] _characters = new char[64];

    internal StreamingDecoder(Tokenizer tokenizer) => _tokenizer = tokenizer;

    /// <summary>The text that became whole with this token; often empty.</summary>
    /// <exception cref="UserException">There is no such token.</exception>
    public string Append(int token) => Decode(_tokenizer.TokenBytes(token), flush: false);

    /// <summary>What was held back, as U+FFFD; the decoder can then be used anew.</summary>
    public string Flush() => Decode([], flush: true);

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        // Besides this token's characters there may be those that were held back.
        var needed = Encoding.UTF8.GetMaxCharCount(bytes.Length);
        if (_characters.Length < needed)
            _characters = new char[needed];
        return new string(_characters, 0, _decoder.GetChars(bytes, _characters, flush));
    }
}
