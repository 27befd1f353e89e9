using Baka.Data.Streams;

namespace Baka.Data.Tasks;

/// <summary>
/// Facts, then at the document's end one question about them, its answer last. What is left of the document is filled: the
/// distance between facts and question, the rest before the facts.
/// </summary>
public abstract class RecallTask(TaskSize size, IEnumerable<string> symbols) : MemoryTask([FillerSymbol, AskSymbol, .. symbols])
{
    /// <summary>Asks for the answer.</summary>
    protected const int Ask = 1;

    /// <summary>The first token that is the task's own.</summary>
    protected const int FirstSymbol = 2;

    private const string AskSymbol = ">";

    /// <summary>The greatest length that is chosen where none is given.</summary>
    protected virtual int MostLength => int.MaxValue;

    /// <summary>Tokens of the facts.</summary>
    protected abstract int CountFacts(int length);

    /// <summary>Tokens of the question, the last of which asks.</summary>
    protected virtual int CountQuestion => 1;

    protected abstract int CountAnswer(int length);

    /// <summary>Draws facts.</summary>
    protected abstract void WriteFacts(ref SplitMix64 random, Span<int> facts);

    /// <summary>Asks about facts and answers.</summary>
    /// <param name="question">Whose last token is not to be written.</param>
    protected abstract void WriteAnswer(ref SplitMix64 random, ReadOnlySpan<int> facts, Span<int> question, Span<int> answer);

    /// <summary>Fills what says nothing.</summary>
    protected virtual void WriteFiller(ref SplitMix64 random, Span<int> filler) => filler.Fill(Filler);

    public sealed override void Write(ref SplitMix64 random, Span<int> tokens, Span<bool> answers)
    {
        var length = size.Length ?? LongestIn(tokens.Length);
        var needed = CountTokens(Math.Max(1, length)) + (size.Distance ?? 0);
        if (length < 1 || needed > tokens.Length)
            throw DoesNotFit(needed, tokens.Length);
        var filler = tokens.Length - (int)CountTokens(length);
        var distance = size.Distance ?? random.Next(filler + 1);
        var facts = tokens.Slice(filler - distance, CountFacts(length));
        var answer = tokens[^CountAnswer(length)..];
        var question = tokens[..^answer.Length][^CountQuestion..];
        WriteFiller(ref random, tokens[..(filler - distance)]);
        WriteFacts(ref random, facts);
        WriteFiller(ref random, tokens.Slice(filler - distance + facts.Length, distance));
        question[^1] = Ask;
        WriteAnswer(ref random, facts, question, answer);
        answers[^answer.Length..].Fill(true);
    }

    /// <summary>Draws symbols of the task's own, evenly.</summary>
    private protected static void DrawSymbols(ref SplitMix64 random, Span<int> to, int symbols)
    {
        foreach (ref var token in to)
            token = FirstSymbol + random.Next(symbols);
    }

    private long CountTokens(int length) => (long)CountFacts(length) + CountQuestion + CountAnswer(length);

    private int LongestIn(int tokens)
    {
        var length = 0;
        while (length < MostLength && CountTokens(length + 1) + (size.Distance ?? 0) <= tokens)
            length++;
        return length;
    }
}
