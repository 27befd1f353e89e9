using Baka.Data.Streams;

namespace Baka.Data.Tasks;

/// <summary>
/// Associative retrieval (Ba et al. 2016, arXiv 1610.06258; RMT, arXiv 2207.06881, section 4): different keys, each with a
/// digit, then one of the keys and its digit: <c>c5a8x1a>8</c>.
/// </summary>
public sealed class RetrievalTask(TaskSize size) : RecallTask(size, [.. Enumerable.Range(0, Digits).Select(i => $"{i}"), .. SymbolNames.Of('a', size.Symbols)])
{
    private const int Digits = 10;
    private const int FirstKey = FirstSymbol + Digits;

    private readonly int _keys = size.Symbols;

    protected override int MostLength => _keys;

    protected override int CountQuestion => 2;

    protected override int CountFacts(int length) => 2 * length;

    protected override int CountAnswer(int length) => 1;

    protected override void WriteFacts(ref SplitMix64 random, Span<int> facts)
    {
        RequireKeys(facts.Length / 2, _keys);
        Span<int> keys = stackalloc int[facts.Length / 2];
        DrawDistinct(ref random, keys, _keys);
        for (var i = 0; i < keys.Length; i++)
        {
            facts[2 * i] = FirstKey + keys[i];
            facts[2 * i + 1] = FirstSymbol + random.Next(Digits);
        }
    }

    protected override void WriteAnswer(ref SplitMix64 random, ReadOnlySpan<int> facts, Span<int> question, Span<int> answer)
    {
        var pair = facts.Slice(2 * random.Next(facts.Length / 2), 2);
        (question[0], answer[0]) = (pair[0], pair[1]);
    }
}
