using Baka.Data.Streams;

namespace Baka.Data.Tasks;

/// <summary>Symbols, and the same twice more (RMT, arXiv 2207.06881, section 4): <c>abc>abcabc</c>.</summary>
public sealed class CopyTask(TaskSize size) : RecallTask(size, SymbolNames.Of('a', size.Symbols))
{
    private readonly int _symbols = size.Symbols;

    protected override int CountFacts(int length) => length;

    protected override int CountAnswer(int length) => 2 * length;

    protected override void WriteFacts(ref SplitMix64 random, Span<int> facts) => DrawSymbols(ref random, facts, _symbols);

    protected override void WriteAnswer(ref SplitMix64 random, ReadOnlySpan<int> facts, Span<int> question, Span<int> answer)
    {
        facts.CopyTo(answer);
        facts.CopyTo(answer[facts.Length..]);
    }
}
