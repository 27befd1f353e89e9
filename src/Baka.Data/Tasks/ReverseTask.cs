using Baka.Data.Streams;

namespace Baka.Data.Tasks;

/// <summary>Symbols, and the same from the last to the first (RMT, arXiv 2207.06881, section 4): <c>abc>cba</c>.</summary>
public sealed class ReverseTask(TaskSize size) : RecallTask(size, SymbolNames.Of('a', size.Symbols))
{
    private readonly int _symbols = size.Symbols;

    protected override int CountFacts(int length) => length;

    protected override int CountAnswer(int length) => length;

    protected override void WriteFacts(ref SplitMix64 random, Span<int> facts) => DrawSymbols(ref random, facts, _symbols);

    protected override void WriteAnswer(ref SplitMix64 random, ReadOnlySpan<int> facts, Span<int> question, Span<int> answer)
    {
        facts.CopyTo(answer);
        answer.Reverse();
    }
}
