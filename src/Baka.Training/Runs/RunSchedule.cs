using Baka.Model.Recipes;
using Baka.Training.Optimization;

namespace Baka.Training.Runs;

/// <summary>
/// When a run ends, and how fast it learns until then. With a limit of steps the rate depends on the step alone; with
/// one of time on the clock; with both the lower rate counts, which is that of the limit that will be reached first.
/// </summary>
internal sealed class RunSchedule
{
    private readonly TrainRecipe _train;
    private readonly LearningRateSchedule _rates;

    public RunSchedule(TrainRecipe train)
    {
        _train = train;
        var decay = train.Schedule.Kind switch
        {
            ScheduleKind.Cosine => LearningRateDecay.Cosine,
            ScheduleKind.Linear => LearningRateDecay.Linear,
            _ => LearningRateDecay.Constant,
        };
        _rates = new LearningRateSchedule(decay, train.Optimizer.LearningRate, train.Schedule.Warmup, train.Schedule.Final);
    }

    /// <summary>The learning rate of a step, counted from 0.</summary>
    public double LearningRate(long step, TimeSpan elapsed)
    {
        var rate = double.PositiveInfinity;
        if (_train.Steps is { } steps)
        {
            rate = Math.Min(rate, _rates.AtStep(step, steps));
        }

        if (_train.Minutes is { } minutes)
        {
            rate = Math.Min(rate, _rates.AtProgress(step, elapsed.TotalMinutes / minutes));
        }

        return rate;
    }

    public bool IsOver(long step, TimeSpan elapsed) => Fraction(step, elapsed) >= 1;

    /// <summary>Share of the run that is done: 1 or more when a limit is reached.</summary>
    public double Fraction(long step, TimeSpan elapsed) =>
        Math.Max(_train.Steps is { } steps ? (double)step / steps : 0, _train.Minutes is { } minutes ? elapsed.TotalMinutes / minutes : 0);

    public TrainProgress Progress(long step, TimeSpan elapsed, long epoch)
    {
        var fraction = Math.Min(1, Fraction(step, elapsed));
        return new TrainProgress(step, _train.Steps, fraction, elapsed, fraction > 0 ? elapsed * ((1 - fraction) / fraction) : TimeSpan.Zero, epoch);
    }
}
