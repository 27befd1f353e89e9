using System.Numerics;
using Baka.Data.Streams;

namespace Baka.Data.Tasks;

/// <summary>
/// Multi-query associative recall (Arora et al. 2023, arXiv 2312.04927): different keys, each with a value, at the
/// document's beginning; each key comes once more with its value, which is to be known: <c>aCbAcC..bA..cCaC</c>. Without a
/// distance the places of the queries follow a power law as there: near ones are likely, and far ones are as many on
/// every scale.
/// </summary>
public sealed class MultiQueryTask(TaskSize size) : MemoryTask([FillerSymbol, .. SymbolNames.Of('a', size.Symbols), .. SymbolNames.Of('A', size.Symbols)])
{
    private const int FirstKey = 1;

    public override void Write(ref SplitMix64 random, Span<int> tokens, Span<bool> answers)
    {
        var distance = size.Distance ?? 0;
        var pairs = size.Length ?? Math.Min(size.Symbols, (tokens.Length - distance) / 4);
        RequireKeys(pairs, size.Symbols);
        if (pairs < 1 || 4L * pairs + distance > tokens.Length)
            throw DoesNotFit(4L * Math.Max(1, pairs) + distance, tokens.Length);
        var facts = tokens[..(2 * pairs)];
        WriteFacts(ref random, facts);
        var rest = tokens[facts.Length..];
        rest.Fill(Filler);
        Span<int> order = stackalloc int[pairs];
        DrawDistinct(ref random, order, pairs);
        for (var i = 0; i < pairs; i++)
        {
            var at = size.Distance is null ? DrawFreePlace(ref random, rest) : distance + 2 * i;
            facts.Slice(2 * order[i], 2).CopyTo(rest[at..]);
            answers[facts.Length + at + 1] = true;
        }
    }

    private void WriteFacts(ref SplitMix64 random, Span<int> facts)
    {
        Span<int> keys = stackalloc int[facts.Length / 2];
        DrawDistinct(ref random, keys, size.Symbols);
        for (var i = 0; i < keys.Length; i++)
        {
            facts[2 * i] = FirstKey + keys[i];
            facts[2 * i + 1] = FirstKey + size.Symbols + random.Next(size.Symbols);
        }
    }

    /// <summary>A place for a pair, its number with probability about 1 / (number + 1): first its octave is drawn, then where in it.</summary>
    private static int DrawFreePlace(ref SplitMix64 random, ReadOnlySpan<int> rest)
    {
        var places = rest.Length / 2;
        while (true)
        {
            var octave = 1 << random.Next(BitOperations.Log2((uint)places) + 1);
            var place = octave + random.Next(octave) - 1;
            if (place < places && rest[2 * place] == Filler)
                return 2 * place;
        }
    }
}
