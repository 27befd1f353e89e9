using System.Text.Encodings.Web;
using System.Text.Json;

namespace Baka.Data.Tokenizers;

/// <summary>Writes a vocabulary as a Hugging Face <c>tokenizer.json</c> with GPT-2's pre-tokenizer.</summary>
internal static class TokenizerWriter
{
    /// <param name="tokens">Every token by number, written in the byte alphabet; number 0 is the end-of-text token.</param>
    /// <param name="merges">Pairs of token numbers in order of precedence.</param>
    /// <returns>UTF-8 JSON.</returns>
    public static byte[] Write(IReadOnlyList<string> tokens, IReadOnlyList<(int Left, int Right)> merges) =>
        Write([Tokenizer.EndOfText], areSpecial: true, tokens, merges);

    /// <summary>Symbols, each a token, and no other token.</summary>
    /// <param name="symbols">By number.</param>
    /// <returns>UTF-8 JSON.</returns>
    public static byte[] WriteSymbols(IReadOnlyList<string> symbols) => Write(symbols, areSpecial: false, [], []);

    private static byte[] Write(IReadOnlyList<string> added, bool areSpecial, IReadOnlyList<string> tokens, IReadOnlyList<(int Left, int Right)> merges)
    {
        using var stream = new MemoryStream();
        // The alphabet is made to be read, so it is not escaped.
        var options = new JsonWriterOptions { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };
        using (var json = new Utf8JsonWriter(stream, options))
        {
            json.WriteStartObject();
            json.WriteString("version", "1.0");
            json.WriteNull("truncation");
            json.WriteNull("padding");
            json.WriteStartArray("added_tokens");
            for (var id = 0; id < added.Count; id++)
                WriteAddedToken(json, id, added[id], areSpecial);
            json.WriteEndArray();
            json.WriteNull("normalizer");
            WriteByteLevel(json, "pre_tokenizer");
            WriteByteLevel(json, "post_processor");
            WriteByteLevel(json, "decoder");
            WriteModel(json, tokens, merges);
            json.WriteEndObject();
        }

        return stream.ToArray();
    }

    private static void WriteAddedToken(Utf8JsonWriter json, int id, string content, bool isSpecial)
    {
        json.WriteStartObject();
        json.WriteNumber("id", id);
        json.WriteString("content", content);
        json.WriteBoolean("single_word", false);
        json.WriteBoolean("lstrip", false);
        json.WriteBoolean("rstrip", false);
        json.WriteBoolean("normalized", false);
        json.WriteBoolean("special", isSpecial);
        json.WriteEndObject();
    }

    private static void WriteByteLevel(Utf8JsonWriter json, string property)
    {
        json.WriteStartObject(property);
        json.WriteString("type", "ByteLevel");
        json.WriteBoolean("add_prefix_space", false);
        json.WriteBoolean("trim_offsets", true);
        json.WriteBoolean("use_regex", true);
        json.WriteEndObject();
    }

    private static void WriteModel(Utf8JsonWriter json, IReadOnlyList<string> tokens, IReadOnlyList<(int Left, int Right)> merges)
    {
        json.WriteStartObject("model");
        json.WriteString("type", "BPE");
        json.WriteNull("dropout");
        json.WriteNull("unk_token");
        json.WriteNull("continuing_subword_prefix");
        json.WriteNull("end_of_word_suffix");
        json.WriteBoolean("fuse_unk", false);
        json.WriteBoolean("byte_fallback", false);
        json.WriteBoolean("ignore_merges", false);
        json.WriteStartObject("vocab");
        for (var id = 0; id < tokens.Count; id++)
            json.WriteNumber(tokens[id], id);
        json.WriteEndObject();
        json.WriteStartArray("merges");
        foreach (var (left, right) in merges)
        {
            json.WriteStartArray();
            json.WriteStringValue(tokens[left]);
            json.WriteStringValue(tokens[right]);
            json.WriteEndArray();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }
}
