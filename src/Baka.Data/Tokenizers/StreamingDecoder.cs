using System.Text;

namespace Baka.Data.Tokenizers;

/// <summary>Decodes tokens as they come, holding back a character until its last byte is there.</summary>
public sealed class StreamingDecoder
{
    private readonly Tokenizer _tokenizer;
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();

    internal StreamingDecoder(Tokenizer tokenizer) => _tokenizer = tokenizer;

    /// <summary>The text that became whole with this token; often empty.</summary>
    /// <exception cref="UserException">There is no such token.</exception>
    public string Append(int token) => Decode(_tokenizer.TokenBytes(token), flush: false);

    /// <summary>What was held back, as U+FFFD; the decoder can then be used anew.</summary>
    public string Flush() => Decode([], flush: true);

    private string Decode(ReadOnlySpan<byte> bytes, bool flush)
    {
        var count = _decoder.GetCharCount(bytes, flush);
        return string.Create(count, new Input(_decoder, bytes, flush), static (text, input) => input.Decoder.GetChars(input.Bytes, text, input.Flush));
    }

    private readonly ref struct Input(Decoder decoder, ReadOnlySpan<byte> bytes, bool flush)
    {
        public Decoder Decoder { get; } = decoder;

        public ReadOnlySpan<byte> Bytes { get; } = bytes;

        public bool Flush { get; } = flush;
    }
}
