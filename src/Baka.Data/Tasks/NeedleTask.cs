using Baka.Data.Streams;

namespace Baka.Data.Tasks;

/// <summary>Random symbols, somewhere a mark before those that are asked for at the end: <c>bd!abcabdcd>ab</c>.</summary>
public sealed class NeedleTask(TaskSize size) : RecallTask(size, [.. SymbolNames.Of('a', size.Symbols), "!"])
{
    private readonly int _symbols = size.Symbols;

    protected override int CountFacts(int length) => 1 + length;

    protected override int CountAnswer(int length) => length;

    protected override void WriteFacts(ref SplitMix64 random, Span<int> facts)
    {
        facts[0] = FirstSymbol + _symbols;
        DrawSymbols(ref random, facts[1..], _symbols);
    }

    protected override void WriteAnswer(ref SplitMix64 random, ReadOnlySpan<int> facts, Span<int> question, Span<int> answer) => facts[1..].CopyTo(answer);

    protected override void WriteFiller(ref SplitMix64 random, Span<int> filler) => DrawSymbols(ref random, filler, _symbols);
}
