using Baka.Data;

namespace Baka.Training.Optimization;

/// <summary>How the learning rate falls from its peak once the warm-up is over.</summary>
public enum LearningRateDecay
{
    /// <summary>It stays.</summary>
    Constant,

    /// <summary>Half a cosine (arXiv 1608.03983, without restarts).</summary>
    Cosine,

    /// <summary>A straight line.</summary>
    Linear,
}

/// <summary>
/// The learning rate as a pure function of where the run is: it rises linearly over the warm-up, then decays to
/// <see cref="FinalFraction"/> of the peak.
/// </summary>
public sealed class LearningRateSchedule
{
    /// <param name="decay">The shape after the warm-up.</param>
    /// <param name="peak">The highest learning rate.</param>
    /// <param name="warmupSteps">Steps until the peak: step s (from 0) takes (s + 1)/warmupSteps of it.</param>
    /// <param name="finalFraction">The share of the peak that is left at the end, 0 … 1.</param>
    /// <exception cref="UserException">A value is out of range.</exception>
    public LearningRateSchedule(LearningRateDecay decay, double peak, long warmupSteps, double finalFraction)
    {
        if (!(peak > 0 && double.IsFinite(peak)))
        {
            throw new UserException($"The learning rate is {peak}, but it must be a number above 0.");
        }

        if (warmupSteps < 0)
        {
            throw new UserException($"The warm-up is {warmupSteps} steps, but it must be 0 or more.");
        }

        if (!(finalFraction is >= 0 and <= 1))
        {
            throw new UserException($"The final fraction of the learning rate is {finalFraction}, but it must lie between 0 and 1.");
        }

        Decay = decay;
        Peak = peak;
        WarmupSteps = warmupSteps;
        FinalFraction = finalFraction;
    }

    public LearningRateDecay Decay { get; }

    public double Peak { get; }

    public long WarmupSteps { get; }

    public double FinalFraction { get; }

    /// <summary>The rate of a step (from 0) in a run of a known number of steps; the decay spans the steps after the warm-up.</summary>
    public double AtStep(long step, long totalSteps)
    {
        var decaying = Math.Max(1, totalSteps - WarmupSteps);
        return Rate(step, (double)(step - WarmupSteps) / decaying);
    }

    /// <summary>
    /// The rate of a step (from 0) in a run that ends by the clock. The decay spans the whole time, and the
    /// warm-up cuts it off below, so that the rate has no jump whatever the speed of the machine.
    /// </summary>
    /// <param name="step">The step, from 0.</param>
    /// <param name="progress">The share of the time that has passed, 0 … 1.</param>
    public double AtProgress(long step, double progress) => Rate(step, progress);

    private double Rate(long step, double progress)
    {
        progress = Math.Clamp(progress, 0, 1);
        var left = Decay switch
        {
            LearningRateDecay.Cosine => 0.5 * (1 + Math.Cos(Math.PI * progress)),
            LearningRateDecay.Linear => 1 - progress,
            _ => 1,
        };
        var decayed = FinalFraction + (1 - FinalFraction) * left;
        var warmed = step < WarmupSteps ? (step + 1.0) / WarmupSteps : 1;
        return Peak * Math.Min(decayed, warmed);
    }
}
