using System.Text;
using System.Text.Json.Nodes;
using Baka.Data.Documents;
using Baka.Data.Tokenizers;

namespace Baka.Data.Tests.Tokenizers;

public sealed class TokenizerTests
{
    private static readonly Lazy<Tokenizer> Trained = new(() => BpeTrainer.Train([new Document("novel", RealText.English())], 1000, 2));

    [Fact]
    public void Merges_are_applied_in_order_of_rank_not_of_place()
    {
        var tokenizer = TokenizerJson.Load(TokenizerJson.Gpt2("b c", "a b", "a bc", "Ġ a"));
        Assert.Equal(["abc"], tokenizer.Pieces("abc"));
        Assert.Equal(["ab"], tokenizer.Pieces("ab"));
        Assert.Equal(["x", " ", "abc"], tokenizer.Pieces("x abc"));
    }

    [Fact]
    public void Of_equal_pairs_the_leftmost_is_merged_first()
    {
        var tokenizer = TokenizerJson.Load(TokenizerJson.Gpt2("a a"));
        Assert.Equal(["aa", "aa", "a"], tokenizer.Pieces("aaaaa"));
    }

    [Fact]
    public void Merging_by_heap_equals_merging_by_search()
    {
        (int, int, int)[] merges = [(0, 1, 4), (1, 1, 5), (4, 5, 6), (2, 0, 7), (5, 5, 8), (7, 4, 9), (3, 3, 10), (10, 3, 11)];
        var table = new MergeTable(merges);
        var merger = new PairMerger(table);
        for (var seed = 0; seed < 2000; seed++)
        {
            var random = new Random(seed);
            var tokens = Enumerable.Range(0, random.Next(0, 60)).Select(_ => random.Next(4)).ToArray();
            var expected = MergeBySearch(tokens.ToList(), table);
            Assert.Equal(expected, tokens[..merger.Merge(tokens)]);
        }

        static List<int> MergeBySearch(List<int> tokens, MergeTable table)
        {
            while (true)
            {
                var best = Enumerable.Range(0, Math.Max(0, tokens.Count - 1))
                    .Select(i => (Rank: table.FindRank(tokens[i], tokens[i + 1]), Place: i))
                    .Where(pair => pair.Rank >= 0)
                    .DefaultIfEmpty((Rank: -1, Place: -1))
                    .Min();
                if (best.Rank < 0)
                    return tokens;
                tokens[best.Place] = table.Merged(best.Rank);
                tokens.RemoveAt(best.Place + 1);
            }
        }
    }

    [Fact]
    public void Encoding_round_trips_every_text()
    {
        for (var seed = 0; seed < 1000; seed++)
        {
            var text = Awkward.Text(new Random(seed), seed % 50);
            Assert.Equal(text, Trained.Value.Decode(Trained.Value.Encode(text)));
        }
    }

    [Fact]
    public void Encoding_round_trips_every_byte_string()
    {
        for (var seed = 0; seed < 1000; seed++)
        {
            var random = new Random(seed);
            var bytes = new byte[seed % 200];
            random.NextBytes(bytes);
            var text = Encoding.UTF8.GetBytes("héllo 😀 wörld");
            if (seed % 2 == 0)
                text.AsSpan(0, Math.Min(bytes.Length, text.Length)).CopyTo(bytes);
            Assert.Equal(bytes, Trained.Value.DecodeBytes(Trained.Value.EncodeBytes(bytes)));
        }
    }

    [Fact]
    public void Bytes_of_valid_text_have_the_tokens_of_the_text()
    {
        var text = RealText.English()[..5000];
        Assert.Equal(Trained.Value.Encode(text), Trained.Value.EncodeBytes(Encoding.UTF8.GetBytes(text)));
    }

    [Fact]
    public void The_cache_of_pieces_does_not_change_tokens_when_it_overflows()
    {
        var text = string.Join(' ', Enumerable.Range(0, 150_000).Select(i => $"w{i * 7919 % 100_003:x}"));
        var whole = Trained.Value.Encode(text);
        Assert.Equal(text, Trained.Value.Decode(whole));
        var fresh = Tokenizer.Parse(SavedBytes(Trained.Value), "copy");
        Assert.Equal(whole[^100..], fresh.Encode(text[^2000..])[^100..]);
    }

    [Fact]
    public void A_very_long_piece_is_encoded_in_reasonable_time()
    {
        var text = new string('a', 300_000) + new string(' ', 300_000);
        Assert.Equal(text, Trained.Value.Decode(Trained.Value.Encode(text)));
    }

    [Fact]
    public void Saving_and_loading_gives_the_same_tokenizer()
    {
        using var folder = new TemporaryFolder();
        Trained.Value.Save(folder["tokenizer.json"]);
        var loaded = Tokenizer.Load(folder["tokenizer.json"]);
        var text = RealText.English()[..20_000];
        Assert.Equal(Trained.Value.Encode(text), loaded.Encode(text));
        Assert.Equal(Trained.Value.Fingerprint, loaded.Fingerprint);
        Assert.Equal(Trained.Value.VocabularySize, loaded.VocabularySize);
        Assert.Single(Directory.GetFiles(folder.Path));
    }

    [Fact]
    public void Saving_where_nothing_can_be_written_is_refused_with_a_sentence()
    {
        using var folder = new TemporaryFolder();
        Assert.Contains("can't be written", Assert.Throws<UserException>(() => Trained.Value.Save(folder["no/such/folder.json"])).Message);
    }

    [Fact]
    public void Merges_written_as_pairs_equal_merges_written_as_strings()
    {
        var json = TokenizerJson.Gpt2("Ġ a", "Ġa b");
        var strings = TokenizerJson.Load(json);
        json["model"]!["merges"] = new JsonArray(new JsonArray("Ġ", "a"), new JsonArray("Ġa", "b"));
        Assert.Equal(strings.Encode("an abacus ab"), TokenizerJson.Load(json).Encode("an abacus ab"));
        Assert.Contains(" ab", strings.Pieces("an abacus ab"));
    }

    [Fact]
    public void A_prefix_space_is_added_where_the_file_says_so()
    {
        var json = TokenizerJson.Gpt2("Ġ a");
        json["pre_tokenizer"] = TokenizerJson.ByteLevel(addPrefixSpace: true);
        var tokenizer = TokenizerJson.Load(json);
        Assert.Equal([" a", " a"], tokenizer.Pieces("a a"));
        Assert.Equal([" a"], tokenizer.Pieces(" a"));
        Assert.Empty(tokenizer.Encode(""));
    }

    [Fact]
    public void A_tokenizer_like_llama_splits_by_its_pattern_and_prefers_whole_pieces()
    {
        var json = TokenizerJson.Gpt2("a b", "1 2", "Ċ Ċ");
        json["pre_tokenizer"] = TokenizerJson.Sequence(TokenizerJson.Split(Llama3PreTokenizer.Pattern), TokenizerJson.ByteLevel(useRegex: false));
        json["post_processor"] = new JsonObject { ["type"] = "Sequence", ["processors"] = new JsonArray(TokenizerJson.ByteLevel(), new JsonObject { ["type"] = "TemplateProcessing" }) };
        var vocab = json["model"]!["vocab"]!.AsObject();
        vocab["hello"] = vocab.Count;
        var merging = TokenizerJson.Load(json);
        Assert.Equal(["h", "e", "l", "l", "o"], merging.Pieces("hello"));

        json["model"]!["ignore_merges"] = true;
        var tokenizer = TokenizerJson.Load(json);
        Assert.Equal(["hello"], tokenizer.Pieces("hello"));
        Assert.Equal(["12", "3", "4", "\n\n", "ab"], tokenizer.Pieces("1234\n\nab"));
    }

    [Fact]
    public void A_pattern_of_another_kind_goes_through_regular_expressions()
    {
        var json = TokenizerJson.Gpt2("a b", "b a");
        json["pre_tokenizer"] = TokenizerJson.Sequence(TokenizerJson.Split("a|b"), TokenizerJson.ByteLevel(useRegex: false));
        Assert.Equal(["a", "b", "a"], TokenizerJson.Load(json).Pieces("aba"));
    }

    [Fact]
    public void Added_tokens_are_found_before_anything_else_the_longest_first()
    {
        var json = TokenizerJson.Gpt2("a b");
        var added = json["added_tokens"]!.AsArray();
        added.Add((JsonNode)TokenizerJson.Added(258, "  ", special: false));
        added.Add((JsonNode)TokenizerJson.Added(259, "    ", special: false));
        added.Add((JsonNode)TokenizerJson.Added(260, "<|endoftext|>x", special: false));
        var tokenizer = TokenizerJson.Load(json);
        Assert.Equal(["ab", "<|endoftext|>", "a", "    ", "  ", " ", "b", "<|endoftext|>x"], tokenizer.Pieces("ab<|endoftext|>a       b<|endoftext|>x"));
        Assert.Equal(257, tokenizer.EndOfTextId);
        Assert.Equal(259, tokenizer.FindAddedToken("    "));
        Assert.Null(tokenizer.FindAddedToken("ab"));
        Assert.Equal(4, tokenizer.TokenByteCount(259));
    }

    [Fact]
    public void Added_tokens_strip_white_space_and_mind_words_where_they_say_so()
    {
        var json = TokenizerJson.Gpt2();
        var mask = TokenizerJson.Added(257, "<mask>");
        mask["lstrip"] = true;
        mask["rstrip"] = true;
        var word = TokenizerJson.Added(258, "cat");
        word["single_word"] = true;
        json["added_tokens"]!.AsArray().Add((JsonNode)mask);
        json["added_tokens"]!.AsArray().Add((JsonNode)word);
        var tokenizer = TokenizerJson.Load(json);
        Assert.Equal(["a", "<mask>", "b"], tokenizer.Pieces("a \n<mask>  b"));
        Assert.Equal(["cat", " ", "c", "a", "t", "s", " ", "cat"], tokenizer.Pieces("cat cats cat"));
    }

    [Fact]
    public void Text_is_normalized_where_the_file_says_so_but_raw_added_tokens_are_not()
    {
        var json = TokenizerJson.Gpt2("Ã ©");
        json["normalizer"] = new JsonObject { ["type"] = "NFC" };
        var normalized = TokenizerJson.Added(258, "o\u0301");
        normalized["normalized"] = true;
        json["added_tokens"]!.AsArray().Add((JsonNode)TokenizerJson.Added(258, "u\u0301"));
        normalized["id"] = 259;
        json["added_tokens"]!.AsArray().Add((JsonNode)normalized);
        var tokenizer = TokenizerJson.Load(json);
        Assert.Equal(tokenizer.Encode("é"), tokenizer.Encode("e\u0301"));
        Assert.Single(tokenizer.Encode("e\u0301"));
        Assert.Equal([258], tokenizer.Encode("u\u0301"));
        Assert.Equal([259], tokenizer.Encode("ó"));
    }

    [Fact]
    public void Streaming_decoding_gives_whole_characters_only()
    {
        var text = "a😀é漢" + Awkward.Text(new Random(1), 200);
        var tokenizer = TokenizerJson.Load(TokenizerJson.Gpt2());
        var decoder = tokenizer.CreateDecoder();
        var parts = tokenizer.Encode(text).Select(decoder.Append).ToList();
        Assert.Equal(["a", "", "", "", "😀", "", "é"], parts[..7]);
        Assert.Equal(text, string.Concat(parts) + decoder.Flush());

        Assert.Equal("", decoder.Append(tokenizer.Encode("😀")[0]));
        Assert.Equal("\uFFFD", decoder.Flush());
        Assert.Equal("b", decoder.Append(tokenizer.Encode("b")[0]));
    }

    [Fact]
    public void Unknown_tokens_are_refused_with_a_sentence()
    {
        foreach (var token in (int[])[-1, Trained.Value.VocabularySize, int.MaxValue])
            Assert.Contains("not in the vocabulary", Assert.Throws<UserException>(() => Trained.Value.Decode([token])).Message);
    }

    [Fact]
    public void Many_threads_may_encode_at_once()
    {
        var text = RealText.English()[..50_000];
        var expected = Trained.Value.Encode(text);
        Parallel.For(0, 16, _ => Assert.Equal(expected, Trained.Value.Encode(text)));
    }

    private static byte[] SavedBytes(Tokenizer tokenizer)
    {
        using var folder = new TemporaryFolder();
        tokenizer.Save(folder["t.json"]);
        return File.ReadAllBytes(folder["t.json"]);
    }
}
