using Baka.Data;

namespace Baka.Training.Optimization;

/// <summary>Counts the steps whose loss or gradient was not a finite number, and says when to give up.</summary>
public sealed class NonFiniteGuard
{
    private readonly int _limit;

    /// <param name="limit">How many bad steps in a row end the run.</param>
    /// <exception cref="UserException">The limit is below 1.</exception>
    public NonFiniteGuard(int limit = 8)
    {
        if (limit < 1)
        {
            throw new UserException($"The number of bad steps in a row that end a run is {limit}, but it must be at least 1.");
        }

        _limit = limit;
    }

    /// <summary>Bad steps of the whole run.</summary>
    public long Skipped { get; private set; }

    /// <summary>Bad steps since the last good one.</summary>
    public int SkippedInARow { get; private set; }

    public bool ShouldStop => SkippedInARow >= _limit;

    /// <summary>Takes note of a step; true when it was good.</summary>
    public bool Observe(double loss, double gradientNorm)
    {
        if (double.IsFinite(loss) && double.IsFinite(gradientNorm))
        {
            SkippedInARow = 0;
            return true;
        }

        Skipped++;
        SkippedInARow++;
        return false;
    }

    /// <summary>Takes over the counts of a run that is resumed.</summary>
    public void Restore(long skipped, int skippedInARow)
    {
        Skipped = skipped;
        SkippedInARow = skippedInARow;
    }
}
