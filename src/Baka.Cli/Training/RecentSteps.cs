using Baka.Training.Runs;

namespace Baka.Cli.Training;

/// <summary>The means over the steps since something was last shown: single steps jump about.</summary>
internal sealed class RecentSteps
{
    private long _tokensBefore = -1;
    private long _tokens;
    private double _milliseconds;
    private double _loss;
    private int _count;

    /// <summary>Mean loss of the steps that were not skipped, in nats; NaN if there are none.</summary>
    public double Loss => _count > 0 ? _loss / _count : double.NaN;

    /// <summary>While steps were computed; evaluations do not count.</summary>
    public double TokensPerSecond => _milliseconds > 0 ? _tokens / _milliseconds * 1e3 : 0;

    /// <summary>Time that the steps took.</summary>
    public TimeSpan Span => TimeSpan.FromMilliseconds(_milliseconds);

    public void Add(in StepMetrics step)
    {
        // A resumed run's first step tells how many there were before only together with its own.
        _tokens += _tokensBefore < 0 ? (long)Math.Round(step.TokensPerSecond * step.Milliseconds / 1e3) : step.Tokens - _tokensBefore;
        _tokensBefore = step.Tokens;
        _milliseconds += step.Milliseconds;
        if (step.Skipped)
            return;
        _loss += step.Loss;
        _count++;
    }

    public void Clear() => (_tokens, _milliseconds, _loss, _count) = (0, 0, 0, 0);
}
