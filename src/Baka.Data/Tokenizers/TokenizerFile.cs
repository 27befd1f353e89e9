using System.Text;
using System.Text.Json;

namespace Baka.Data.Tokenizers;

/// <summary>Reads Hugging Face's <c>tokenizer.json</c>: the byte-level BPE family, everything else refused by name.</summary>
internal static class TokenizerFile
{
    /// <exception cref="UserException">The file is malformed or describes another kind of tokenizer.</exception>
    public static TokenizerModel Parse(ReadOnlyMemory<byte> file, string name)
    {
        try
        {
            // A mark of the byte order is not JSON, but editors write it.
            var start = file.Span.StartsWith(Encoding.UTF8.Preamble) ? Encoding.UTF8.Preamble.Length : 0;
            using var json = JsonDocument.Parse(file[start..]);
            return Read(json.RootElement);
        }
        catch (JsonException failure)
        {
            throw new UserException($"{name}: the file is not valid JSON at line {failure.LineNumber + 1}; give a tokenizer.json.", failure);
        }
        catch (TokenizerFormatException failure)
        {
            throw new UserException($"{name}: {failure.Message}; give the tokenizer.json of a byte-level BPE tokenizer (GPT-2, GPT-NeoX, Llama 3).", failure);
        }
        catch (Exception failure) when (failure is InvalidOperationException or FormatException)
        {
            throw new UserException($"{name}: a value is not of the kind it must be ({failure.Message.TrimEnd('.')}); give the tokenizer.json as it was published.", failure);
        }
    }

    /// <summary>A property that may be missing or null.</summary>
    public static JsonElement? Find(JsonElement from, string property)
    {
        if (from.ValueKind != JsonValueKind.Object)
            throw new TokenizerFormatException($"a JSON object with \"{property}\" is expected where there is none");
        return from.TryGetProperty(property, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    public static string FindType(JsonElement from) => Find(from, "type")?.GetString() ?? "(none)";

    public static bool FindFlag(JsonElement from, string property, bool otherwise = false) => Find(from, property)?.GetBoolean() ?? otherwise;

    private static TokenizerModel Read(JsonElement root)
    {
        var model = Find(root, "model") ?? throw new TokenizerFormatException("there is no \"model\"");
        CheckModel(model);
        var vocabulary = ReadVocabulary(Find(model, "vocab") ?? throw new TokenizerFormatException("the model has no \"vocab\""));
        var added = ReadAddedTokens(Find(root, "added_tokens"), vocabulary);
        var tokenBytes = NumberTokens(vocabulary, added);
        var merges = ReadMerges(Find(model, "merges") ?? throw new TokenizerFormatException("the model has no \"merges\""), vocabulary);
        var steps = PreTokenizerFile.Read(Find(root, "pre_tokenizer"));
        PreTokenizerFile.CheckPostProcessor(Find(root, "post_processor"));
        PreTokenizerFile.CheckDecoder(Find(root, "decoder"));
        var normalizes = PreTokenizerFile.ReadNormalizer(Find(root, "normalizer"));
        if (normalizes)
            added = added.Select(token => token.Normalized ? token with { Content = Nfc.Normalize(token.Content) } : token).ToList();
        return new TokenizerModel(vocabulary, merges, added, tokenBytes)
        {
            PreTokenizer = steps.PreTokenizer,
            AddsPrefixSpace = steps.AddsPrefixSpace,
            Normalizes = normalizes,
            PrefersWholePieces = FindFlag(model, "ignore_merges"),
        };
    }

    private static void CheckModel(JsonElement model)
    {
        // Files of before 2020 leave the type out.
        if (Find(model, "type") is { } type && type.GetString() != "BPE")
            throw new TokenizerFormatException($"the model is of type {type.GetString()}, not BPE");
        if (FindFlag(model, "byte_fallback"))
            throw new TokenizerFormatException("the model falls back to bytes (SentencePiece's way) instead of being made of bytes");
        foreach (var affix in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
        {
            if (!string.IsNullOrEmpty(Find(model, affix)?.GetString()))
                throw new TokenizerFormatException($"the model has a {affix}, which a byte-level one has not");
        }

        if (Find(model, "dropout") is { } dropout && dropout.GetDouble() != 0)
            throw new TokenizerFormatException("the model drops merges at random (\"dropout\"), so that texts have no fixed tokens");
    }

    private static Dictionary<string, int> ReadVocabulary(JsonElement vocab)
    {
        if (vocab.ValueKind != JsonValueKind.Object)
            throw new TokenizerFormatException("the model's \"vocab\" is not an object");
        var vocabulary = new Dictionary<string, int>();
        foreach (var entry in vocab.EnumerateObject())
        {
            if (!vocabulary.TryAdd(entry.Name, ReadId(entry.Value, entry.Name)))
                throw new TokenizerFormatException($"the token \"{entry.Name}\" stands in the vocabulary twice");
        }

        // Without any there are added tokens alone.
        for (var value = 0; value < 256 && vocabulary.Count > 0; value++)
        {
            if (!vocabulary.ContainsKey(ByteAlphabet.Write([(byte)value])))
                throw new TokenizerFormatException($"the byte {value} has no token, so the vocabulary is not a byte-level one");
        }

        return vocabulary;
    }

    private static List<AddedToken> ReadAddedTokens(JsonElement? list, Dictionary<string, int> vocabulary)
    {
        var tokens = new List<AddedToken>();
        if (list is null)
            return tokens;
        if (list.Value.ValueKind != JsonValueKind.Array)
            throw new TokenizerFormatException("\"added_tokens\" is not a list");
        foreach (var entry in list.Value.EnumerateArray())
        {
            var content = Find(entry, "content")?.GetString() ?? throw new TokenizerFormatException("an added token has no \"content\"");
            var id = ReadId(Find(entry, "id") ?? throw new TokenizerFormatException($"the added token \"{content}\" has no \"id\""), content);
            if (vocabulary.TryGetValue(content, out var other) && other != id)
                throw new TokenizerFormatException($"the added token \"{content}\" has number {id}, but {other} in the vocabulary");
            tokens.Add(new AddedToken(
                id,
                content,
                FindFlag(entry, "single_word"),
                FindFlag(entry, "lstrip"),
                FindFlag(entry, "rstrip"),
                FindFlag(entry, "normalized"),
                FindFlag(entry, "special")));
        }

        return tokens;
    }

    private static int ReadId(JsonElement value, string token)
    {
        if (value.ValueKind != JsonValueKind.Number || !value.TryGetInt32(out var id) || id < 0)
            throw new TokenizerFormatException($"the number of the token \"{token}\" is {value.GetRawText()}");
        return id;
    }

    private static byte[][] NumberTokens(Dictionary<string, int> vocabulary, List<AddedToken> added)
    {
        var byId = new Dictionary<int, (string Token, byte[] Bytes)>();
        foreach (var (token, id) in vocabulary)
        {
            if (!byId.TryAdd(id, (token, ByteAlphabet.Read(token))))
                throw new TokenizerFormatException($"the tokens \"{byId[id].Token}\" and \"{token}\" have the same number, {id}");
        }

        foreach (var token in added)
        {
            if (byId.TryGetValue(token.Id, out var other) && other.Token != token.Content)
                throw new TokenizerFormatException($"the tokens \"{other.Token}\" and \"{token.Content}\" have the same number, {token.Id}");
            byId[token.Id] = (token.Content, Encoding.UTF8.GetBytes(token.Content));
        }

        var bytes = new byte[byId.Count][];
        for (var id = 0; id < bytes.Length; id++)
        {
            if (!byId.TryGetValue(id, out var token))
                throw new TokenizerFormatException($"no token has the number {id}, though there are {bytes.Length}");
            bytes[id] = token.Bytes;
        }

        return bytes;
    }

    private static MergeTable ReadMerges(JsonElement list, Dictionary<string, int> vocabulary)
    {
        if (list.ValueKind != JsonValueKind.Array)
            throw new TokenizerFormatException("the model's \"merges\" are not a list");
        var merges = new List<(int, int, int)>(list.GetArrayLength());
        var seen = new HashSet<(int, int)>(list.GetArrayLength());
        foreach (var entry in list.EnumerateArray())
        {
            var number = merges.Count + 1;
            var (left, right) = ReadPair(entry, number);
            var pair = (Resolve(left, number), Resolve(right, number));
            if (!seen.Add(pair))
                throw new TokenizerFormatException($"merge {number} (\"{left}\" and \"{right}\") stands there twice");
            merges.Add((pair.Item1, pair.Item2, Resolve(left + right, number)));
        }

        return new MergeTable(merges);

        int Resolve(string token, int number) => vocabulary.TryGetValue(token, out var id)
            ? id
            : throw new TokenizerFormatException($"merge {number} needs the token \"{token}\", which is not in the vocabulary");
    }

    /// <summary>A merge is written as a list of two or, in files of before 2024, as a string with a space between.</summary>
    private static (string Left, string Right) ReadPair(JsonElement entry, int number)
    {
        var parts = entry.ValueKind switch
        {
            JsonValueKind.Array => entry.EnumerateArray().Select(part => part.GetString() ?? "").ToArray(),
            JsonValueKind.String => entry.GetString()!.Split(' '),
            _ => [],
        };
        return parts.Length == 2
            ? (parts[0], parts[1])
            : throw new TokenizerFormatException($"merge {number} is not a pair of tokens but {entry.GetRawText()}");
    }
}
