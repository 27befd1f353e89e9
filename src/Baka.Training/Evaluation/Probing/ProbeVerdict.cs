namespace Baka.Training.Evaluation.Probing;

/// <summary>What a probe comes to.</summary>
public enum ProbeFinding
{
    /// <summary>The loss rises with another document's memory.</summary>
    Used,

    /// <summary>It makes no difference whose memory it is, but it makes one that there is any.</summary>
    OnlyItsPresence,

    /// <summary>Neither makes a difference.</summary>
    NoDifference,

    /// <summary>The loss falls with another document's memory.</summary>
    Harmful,

    /// <summary>Nothing is carried from window to window.</summary>
    NoMemory,
}

/// <summary>A finding and the sentence that says it with its figures.</summary>
public sealed record ProbeVerdict(ProbeFinding Finding, string Sentence)
{
    /// <param name="report">Null if the model carries nothing.</param>
    public static ProbeVerdict Of(ProbeReport? report)
    {
        if (report is null)
        {
            return new ProbeVerdict(ProbeFinding.NoMemory, "The model carries nothing from window to window, so there is no memory to probe.");
        }

        var (other, absent) = (report.All.Rises[MemoryCondition.OtherDocument], report.All.Rises[MemoryCondition.Absent]);
        return (other, absent) switch
        {
            ({ IsCertain: true, Rise: > 0 }, _) =>
                new(ProbeFinding.Used, $"It uses its memory: with another document's the loss rises by {Size(other)}{Where(report)}."),
            ({ IsCertain: true }, _) =>
                new(ProbeFinding.Harmful, $"Its memory does harm: with another document's the loss falls by {Size(other)}."),
            (_, { IsCertain: true }) =>
                new(ProbeFinding.OnlyItsPresence, $"What is in its memory makes no difference: with another document's the loss {Change(other)}; without any it {Change(absent)}."),
            _ => new(ProbeFinding.NoDifference, $"It makes no difference: with another document's memory the loss {Change(other)}, and without any it {Change(absent)}."),
        };
    }

    private static string Size(LossRise rise) => FormattableString.Invariant($"{Math.Abs(rise.Rise):F4} ± {rise.StandardError:F4} nats a token");

    private static string Change(LossRise rise) => $"{(rise.Rise < 0 ? "falls" : "rises")} by {Size(rise)}";

    private static string Where(ProbeReport report)
    {
        string[] places = [.. Largest(report.ByPosition), .. Largest(report.ByDistance)];
        return places.Length == 0 ? "" : $", most for {string.Join(" and for ", places)}";
    }

    /// <summary>The tokens whose loss rises most, if more than by chance.</summary>
    private static IEnumerable<string> Largest(IReadOnlyList<ProbedTokens> groups) => groups
        .Where(group => group.Rises[MemoryCondition.OtherDocument] is { IsCertain: true, Rise: > 0 })
        .OrderByDescending(group => group.Rises[MemoryCondition.OtherDocument].Rise)
        .Take(1)
        .Select(group => group.Name);
}
