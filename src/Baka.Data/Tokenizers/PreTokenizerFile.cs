using System.Text.Json;
using System.Text.RegularExpressions;

namespace Baka.Data.Tokenizers;

/// <summary>Reads the parts of a tokenizer.json around the model: what is done to a text before and after merging.</summary>
internal static class PreTokenizerFile
{
    public static (PreTokenizer PreTokenizer, bool AddsPrefixSpace) Read(JsonElement? preTokenizer)
    {
        if (preTokenizer is null)
            throw new TokenizerFormatException("there is no pre-tokenizer, so the tokenizer is not a byte-level one");
        var steps = Flatten(preTokenizer.Value, "pretokenizers").ToList();
        if (steps.Count == 0 || TokenizerFile.FindType(steps[^1]) != "ByteLevel")
            throw new TokenizerFormatException("the last pre-tokenizer is not ByteLevel");

        var splitters = steps.SkipLast(1).Select(ReadSplit).ToList();
        // Both flags are true where the file says nothing, as in Hugging Face's own reader.
        var addsPrefixSpace = TokenizerFile.FindFlag(steps[^1], "add_prefix_space", otherwise: true);
        if (addsPrefixSpace && splitters.Count > 0)
            throw new TokenizerFormatException("add_prefix_space behind a Split pre-tokenizer is not supported");
        if (TokenizerFile.FindFlag(steps[^1], "use_regex", otherwise: true))
            splitters.Add(new Gpt2PreTokenizer());
        if (splitters.Count == 0)
            splitters.Add(new WholePreTokenizer());
        return (splitters.Aggregate((first, second) => new SequencePreTokenizer(first, second)), addsPrefixSpace);
    }

    /// <returns>Whether text is brought to normalization form C.</returns>
    public static bool ReadNormalizer(JsonElement? normalizer)
    {
        if (normalizer is null)
            return false;
        var types = Flatten(normalizer.Value, "normalizers").Select(TokenizerFile.FindType).ToList();
        var unknown = types.Find(type => type != "NFC");
        return unknown is null ? types.Count > 0 : throw new TokenizerFormatException($"the normalizer {unknown} is not supported, only NFC is");
    }

    /// <summary>Post-processors only add special tokens, which encoding never does, or trim offsets, which are not kept.</summary>
    public static void CheckPostProcessor(JsonElement? processor)
    {
        if (processor is null)
            return;
        foreach (var type in Flatten(processor.Value, "processors").Select(TokenizerFile.FindType))
        {
            if (type is not ("ByteLevel" or "TemplateProcessing" or "RobertaProcessing" or "BertProcessing"))
                throw new TokenizerFormatException($"the post-processor {type} is not supported");
        }
    }

    public static void CheckDecoder(JsonElement? decoder)
    {
        if (decoder is null)
            return;
        foreach (var type in Flatten(decoder.Value, "decoders").Select(TokenizerFile.FindType))
        {
            if (type != "ByteLevel")
                throw new TokenizerFormatException($"the decoder {type} is not supported, only ByteLevel is");
        }
    }

    private static IEnumerable<JsonElement> Flatten(JsonElement step, string inner) => TokenizerFile.FindType(step) == "Sequence"
        ? (TokenizerFile.Find(step, inner) ?? throw new TokenizerFormatException($"a Sequence has no \"{inner}\"")).EnumerateArray().SelectMany(each => Flatten(each, inner))
        : [step];

    private static PreTokenizer ReadSplit(JsonElement step)
    {
        var type = TokenizerFile.FindType(step);
        if (type != "Split")
            throw new TokenizerFormatException($"the pre-tokenizer {type} is not supported, only Split and ByteLevel are");
        var behavior = TokenizerFile.Find(step, "behavior")?.GetString();
        if (behavior != "Isolated" || TokenizerFile.FindFlag(step, "invert"))
            throw new TokenizerFormatException($"a Split pre-tokenizer of behavior {behavior} is not supported, only Isolated without invert is");
        var pattern = TokenizerFile.Find(step, "pattern") ?? throw new TokenizerFormatException("a Split pre-tokenizer has no \"pattern\"");
        if (TokenizerFile.Find(pattern, "String") is { } literal)
            return new RegexPreTokenizer(Regex.Escape(literal.GetString()!));
        var regex = TokenizerFile.Find(pattern, "Regex")?.GetString() ?? throw new TokenizerFormatException("a Split's pattern is neither a Regex nor a String");
        return ReadPattern(regex);
    }

    private static PreTokenizer ReadPattern(string pattern)
    {
        try
        {
            return pattern switch
            {
                Gpt2PreTokenizer.Pattern => new Gpt2PreTokenizer(),
                Llama3PreTokenizer.Pattern => new Llama3PreTokenizer(digits: 3),
                Llama3PreTokenizer.SingleDigitPattern => new Llama3PreTokenizer(digits: 1),
                _ => new RegexPreTokenizer(pattern),
            };
        }
        catch (ArgumentException failure)
        {
            throw new TokenizerFormatException($"the pattern {pattern} can't be used ({failure.Message.TrimEnd('.')})");
        }
    }
}
