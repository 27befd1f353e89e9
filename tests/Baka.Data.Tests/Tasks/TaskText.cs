using Baka.Data.Streams;
using Baka.Data.Tasks;
using Baka.Data.Tokenizers;

namespace Baka.Data.Tests.Tasks;

/// <summary>A document of a task, in the task's own symbols.</summary>
/// <param name="Tokens">Symbol by symbol.</param>
/// <param name="Answers">Whether each is part of an answer.</param>
internal sealed record TaskText(string[] Tokens, bool[] Answers)
{
    /// <summary>The whole as people read it.</summary>
    public string All => string.Concat(Tokens);

    /// <summary>The answers alone.</summary>
    public string Answer => string.Concat(Tokens.Where((_, i) => Answers[i]));

    /// <summary>All before the first answer.</summary>
    public string Question => string.Concat(Tokens.Take(Array.IndexOf(Answers, true)));

    public static TaskText Draw(MemoryTask task, int length, ulong seed)
    {
        var random = new SplitMix64(seed);
        var (tokens, answers) = (new int[length], new bool[length]);
        tokens.AsSpan().Fill(int.MinValue);
        task.Write(ref random, tokens, answers);
        var text = new TaskText([.. tokens.Select(token => task.Symbols[token])], answers);
        Assert.Equal(tokens, Tokenizer.OfSymbols(task.Symbols).Encode(text.All));
        return text;
    }
}
