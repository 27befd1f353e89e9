namespace Baka.Training.Evaluation.Probing;

/// <summary>How another memory changes the loss.</summary>
/// <param name="Rise">Of the mean loss, in nats a token; negative where it falls.</param>
/// <param name="StandardError">Of the rise, over windows.</param>
public readonly record struct LossRise(double Rise, double StandardError)
{
    // Of normal differences with a mean of zero three in a thousand lie beyond.
    private const double Limit = 3;

    /// <summary>Whether the rise, or fall, is more than chance would give: beyond three standard errors.</summary>
    public bool IsCertain => Math.Abs(Rise) > Limit * StandardError;
}

/// <summary>The tokens at some places of their windows, or at some distance from the last one like them.</summary>
/// <param name="Name">Which, such as "tokens last read 1 window ago".</param>
/// <param name="Tokens">Predicted tokens.</param>
/// <param name="Loss">Their mean loss with the memory as it is, in nats.</param>
/// <param name="Rises">By condition; where there is but one window, the errors are NaN.</param>
public sealed record ProbedTokens(string Name, long Tokens, double Loss, IReadOnlyDictionary<MemoryCondition, LossRise> Rises);

/// <summary>What a <see cref="MemoryProbe"/> found.</summary>
/// <param name="Documents">That were read side by side.</param>
/// <param name="Windows">That were compared: those with a past, while there was another document as long.</param>
/// <param name="All">All tokens that were compared.</param>
/// <param name="ByPosition">By their eighth of the window; eighths without tokens are left out.</param>
/// <param name="ByDistance">By how many windows ago the same token was last read; distances without tokens are left out.</param>
public sealed record ProbeReport(
    int Documents, long Windows, ProbedTokens All, IReadOnlyList<ProbedTokens> ByPosition, IReadOnlyList<ProbedTokens> ByDistance);
