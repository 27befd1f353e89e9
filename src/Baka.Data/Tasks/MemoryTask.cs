using Baka.Data.Streams;

namespace Baka.Data.Tasks;

/// <summary>A task whose answers follow from what its document said before. One task, one class.</summary>
/// <param name="symbols">What each token is written as, by number.</param>
public abstract class MemoryTask(IReadOnlyList<string> symbols)
{
    /// <summary>Stands where nothing is said.</summary>
    protected const int Filler = 0;

    private protected const string FillerSymbol = ".";

    /// <summary>What each token is written as, by number; no symbol begins another.</summary>
    public IReadOnlyList<string> Symbols { get; } = symbols;

    /// <summary>Makes a document.</summary>
    /// <param name="random">All that is drawn is drawn from it.</param>
    /// <param name="tokens">The whole document, to be filled.</param>
    /// <param name="answers">As long, clear: to be set where the token is part of an answer.</param>
    /// <exception cref="UserException">What is to be remembered does not fit.</exception>
    public abstract void Write(ref SplitMix64 random, Span<int> tokens, Span<bool> answers);

    /// <exception cref="UserException">There are fewer keys than pairs.</exception>
    private protected static void RequireKeys(int pairs, int keys)
    {
        if (pairs > keys)
            throw new UserException($"{pairs} pairs need as many different keys, but there are {keys}: give the task more symbols or fewer pairs.");
    }

    private protected static UserException DoesNotFit(long needed, int tokens) => new(
        $"a document of the task needs {needed} tokens but has {tokens}: lower its length or distance, or give it more or longer windows.");

    /// <summary>Distinct numbers of 0 … bound − 1 in random order.</summary>
    private protected static void DrawDistinct(ref SplitMix64 random, Span<int> numbers, int bound)
    {
        Span<int> all = stackalloc int[bound];
        for (var i = 0; i < bound; i++)
            all[i] = i;
        random.Shuffle(all);
        all[..numbers.Length].CopyTo(numbers);
    }
}
