using System.Text.Json;
using System.Text.Json.Nodes;
using Baka.Data.Tokenizers;

namespace Baka.Data.Tests.Tokenizers;

/// <summary>Makes tokenizer.json files as they are published, from a handful of merges.</summary>
internal static class TokenizerJson
{
    /// <summary>GPT-2's: bytes 0 … 255, then one token a merge, then the end-of-text token.</summary>
    public static JsonObject Gpt2(params string[] merges)
    {
        var vocab = new JsonObject();
        foreach (var value in ByteAlphabet.Order)
            vocab[ByteAlphabet.Write([value])] = vocab.Count;
        foreach (var merge in merges)
            vocab.TryAdd(merge.Replace(" ", ""), vocab.Count);
        vocab[Tokenizer.EndOfText] = vocab.Count;
        return new JsonObject
        {
            ["version"] = "1.0",
            ["added_tokens"] = new JsonArray(Added(vocab.Count - 1, Tokenizer.EndOfText)),
            ["normalizer"] = null,
            ["pre_tokenizer"] = ByteLevel(),
            ["post_processor"] = ByteLevel(),
            ["decoder"] = ByteLevel(),
            ["model"] = new JsonObject
            {
                ["type"] = "BPE",
                ["dropout"] = null,
                ["unk_token"] = null,
                ["continuing_subword_prefix"] = "",
                ["end_of_word_suffix"] = "",
                ["vocab"] = vocab,
                ["merges"] = new JsonArray(merges.Select(merge => (JsonNode)merge).ToArray()),
            },
        };
    }

    public static JsonObject Added(int id, string content, bool special = true) => new()
    {
        ["id"] = id,
        ["content"] = content,
        ["single_word"] = false,
        ["lstrip"] = false,
        ["rstrip"] = false,
        ["normalized"] = false,
        ["special"] = special,
    };

    public static JsonObject ByteLevel(bool addPrefixSpace = false, bool useRegex = true) => new()
    {
        ["type"] = "ByteLevel",
        ["add_prefix_space"] = addPrefixSpace,
        ["trim_offsets"] = true,
        ["use_regex"] = useRegex,
    };

    public static JsonObject Split(string pattern) => new()
    {
        ["type"] = "Split",
        ["pattern"] = new JsonObject { ["Regex"] = pattern },
        ["behavior"] = "Isolated",
        ["invert"] = false,
    };

    public static JsonObject Sequence(params JsonNode[] steps) => new() { ["type"] = "Sequence", ["pretokenizers"] = new JsonArray(steps) };

    public static Tokenizer Load(JsonObject json) => Tokenizer.Parse(JsonSerializer.SerializeToUtf8Bytes(json), "tokenizer.json");

    /// <summary>The texts of the tokens of a text.</summary>
    public static string[] Pieces(this Tokenizer tokenizer, string text) => tokenizer.Encode(text).Select(token => tokenizer.Decode([token])).ToArray();
}
