using System.Text;
using System.Text.Json;
using System.Text.Json.Nodes;
using Baka.Data.Tokenizers;

namespace Baka.Data.Tests.Tokenizers;

public sealed class TokenizerFileTests
{
    public static TheoryData<string, string> Damage => new()
    {
        { "no model", "no \"model\"" },
        { "model null", "no \"model\"" },
        { "wrong type", "Unigram" },
        { "no vocab", "no \"vocab\"" },
        { "vocab list", "\"vocab\" is not an object" },
        { "no merges", "no \"merges\"" },
        { "merges object", "\"merges\" are not a list" },
        { "merge of unknown", "\"zz\"" },
        { "merge makes unknown", "\"xy\"" },
        { "merge of three", "merge 2" },
        { "merge number", "merge 2" },
        { "merge twice", "twice" },
        { "same id", "same number" },
        { "hole", "no token has the number" },
        { "negative id", "-1" },
        { "id text", "\"five\"" },
        { "added no id", "\"id\"" },
        { "added no content", "\"content\"" },
        { "added other id", "in the vocabulary" },
        { "added takes id", "same number" },
        { "added no list", "\"added_tokens\"" },
        { "missing byte", "has no token" },
        { "byte fallback", "SentencePiece" },
        { "suffix", "end_of_word_suffix" },
        { "dropout", "dropout" },
        { "normalizer", "Lowercase" },
        { "no pre-tokenizer", "pre-tokenizer" },
        { "pre-tokenizer", "ByteLevel" },
        { "digits", "Digits" },
        { "removed", "Removed" },
        { "bad regex", "can't be used" },
        { "decoder", "WordPiece" },
        { "post-processor", "Strange" },
        { "flag", "kind" },
        { "root list", "object" },
    };

    [Theory]
    [MemberData(nameof(Damage))]
    public void A_malformed_or_foreign_file_is_refused_by_name(string damage, string says)
    {
        using var folder = new TemporaryFolder();
        var path = folder.Write("tokenizer.json", JsonSerializer.Serialize(Break(damage)));
        var failure = Assert.Throws<UserException>(() => Tokenizer.Load(path));
        Assert.Contains(path, failure.Message);
        Assert.Contains(says, failure.Message);
    }

    [Fact]
    public void A_file_that_is_missing_or_not_json_is_refused()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("can't be read", Assert.Throws<UserException>(() => Tokenizer.Load(folder["missing.json"])).Message);
        Assert.Contains("can't be read", Assert.Throws<UserException>(() => Tokenizer.Load(folder.Path)).Message);
        Assert.Contains("not valid JSON", Assert.Throws<UserException>(() => Tokenizer.Load(folder.Write("a.json", ""))).Message);
        Assert.Contains("line 2", Assert.Throws<UserException>(() => Tokenizer.Load(folder.Write("a.json", "{\n\"model\": !"))).Message);
        Assert.Contains("not valid JSON", Assert.Throws<UserException>(() => Tokenizer.Load(folder.Write("a.json", [0xFF, 0xFE, 0]))).Message);
    }

    [Fact]
    public void A_vocabulary_entry_that_stands_twice_is_refused()
    {
        var json = JsonSerializer.Serialize(TokenizerJson.Gpt2()).Replace("\"vocab\":{", "\"vocab\":{\"a\":64,", StringComparison.Ordinal);
        Assert.Contains("twice", Assert.Throws<UserException>(() => Tokenizer.Parse(Encoding.UTF8.GetBytes(json), "t")).Message);
    }

    [Fact]
    public void Random_damage_never_ends_in_another_exception()
    {
        var whole = JsonSerializer.SerializeToUtf8Bytes(TokenizerJson.Gpt2("a b", "Ġ a"));
        for (var seed = 0; seed < 2000; seed++)
        {
            var random = new Random(seed);
            var bytes = whole.ToArray();
            for (var i = random.Next(1, 4); i > 0; i--)
                bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            try
            {
                Tokenizer.Parse(seed % 3 == 0 ? bytes[..random.Next(bytes.Length)] : bytes, "t").Encode("ab a");
            }
            catch (UserException failure)
            {
                Assert.StartsWith("t: ", failure.Message);
            }
        }
    }

    [Fact]
    public void A_byte_order_mark_does_no_harm()
    {
        byte[] file = [0xEF, 0xBB, 0xBF, .. JsonSerializer.SerializeToUtf8Bytes(TokenizerJson.Gpt2())];
        Assert.Equal(257, Tokenizer.Parse(file, "t").VocabularySize);
    }

    private static JsonNode Break(string damage)
    {
        var json = TokenizerJson.Gpt2("a b");
        var model = json["model"]!.AsObject();
        var vocab = model["vocab"]!.AsObject();
        var merges = model["merges"]!.AsArray();
        var added = json["added_tokens"]!.AsArray();
        switch (damage)
        {
            case "no model": json.Remove("model"); break;
            case "model null": json["model"] = null; break;
            case "wrong type": model["type"] = "Unigram"; break;
            case "no vocab": model.Remove("vocab"); break;
            case "vocab list": model["vocab"] = new JsonArray(); break;
            case "no merges": model.Remove("merges"); break;
            case "merges object": model["merges"] = new JsonObject(); break;
            case "merge of unknown": merges.Add("zz a"); break;
            case "merge makes unknown": merges.Add("x y"); break;
            case "merge of three": merges.Add("a b c"); break;
            case "merge number": merges.Add(5); break;
            case "merge twice": merges.Add("a b"); break;
            case "same id": vocab["xy"] = 5; break;
            case "hole": vocab["xy"] = 1000; break;
            case "negative id": vocab["xy"] = -1; break;
            case "id text": vocab["xy"] = "five"; break;
            case "added no id": added[0]!.AsObject().Remove("id"); break;
            case "added no content": added[0]!.AsObject().Remove("content"); break;
            case "added other id": added[0]!["id"] = 300; break;
            case "added takes id": added.Add((JsonNode)TokenizerJson.Added(7, "new")); break;
            case "added no list": json["added_tokens"] = "none"; break;
            case "missing byte": vocab.Remove("a"); break;
            case "byte fallback": model["byte_fallback"] = true; break;
            case "suffix": model["end_of_word_suffix"] = "</w>"; break;
            case "dropout": model["dropout"] = 0.1; break;
            case "normalizer": json["normalizer"] = new JsonObject { ["type"] = "Lowercase" }; break;
            case "no pre-tokenizer": json["pre_tokenizer"] = null; break;
            case "pre-tokenizer": json["pre_tokenizer"] = new JsonObject { ["type"] = "Metaspace" }; break;
            case "digits": json["pre_tokenizer"] = TokenizerJson.Sequence(new JsonObject { ["type"] = "Digits" }, TokenizerJson.ByteLevel()); break;
            case "removed": json["pre_tokenizer"] = TokenizerJson.Sequence(Removing(), TokenizerJson.ByteLevel()); break;
            case "bad regex": json["pre_tokenizer"] = TokenizerJson.Sequence(TokenizerJson.Split("(a"), TokenizerJson.ByteLevel(useRegex: false)); break;
            case "decoder": json["decoder"] = new JsonObject { ["type"] = "WordPiece" }; break;
            case "post-processor": json["post_processor"] = new JsonObject { ["type"] = "Strange" }; break;
            case "flag": added[0]!["lstrip"] = "yes"; break;
            case "root list": return new JsonArray();
        }

        return json;
    }

    private static JsonObject Removing()
    {
        var split = TokenizerJson.Split("a");
        split["behavior"] = "Removed";
        return split;
    }
}
