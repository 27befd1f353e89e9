using Baka.Training.Evaluation.Probing;

namespace Baka.Training.Tests.Evaluation;

public class ProbeVerdictTests
{
    [Theory]
    [InlineData(0.31, 0.1, 0.0, ProbeFinding.Used, "It uses its memory: with another document's the loss rises by 0.3100 ± 0.1000 nats a token.")]
    [InlineData(-0.31, 0.1, 0.0, ProbeFinding.Harmful, "Its memory does harm: with another document's the loss falls by 0.3100 ± 0.1000 nats a token.")]
    [InlineData(0.29, 0.1, 0.31, ProbeFinding.OnlyItsPresence, "What is in its memory makes no difference: with another document's the loss rises by 0.2900 ± 0.1000 nats a token; without any it rises by 0.3100 ± 0.1000 nats a token.")]
    [InlineData(-0.29, 0.1, 0.29, ProbeFinding.NoDifference, "It makes no difference: with another document's memory the loss falls by 0.2900 ± 0.1000 nats a token, and without any it rises by 0.2900 ± 0.1000 nats a token.")]
    [InlineData(1, double.NaN, 1, ProbeFinding.NoDifference, "It makes no difference: with another document's memory the loss rises by 1.0000 ± NaN nats a token, and without any it rises by 1.0000 ± NaN nats a token.")]
    public void Differences_beyond_three_standard_errors_decide(double other, double error, double absent, ProbeFinding finding, string sentence) =>
        Assert.Equal(new ProbeVerdict(finding, sentence), ProbeVerdict.Of(new ProbeReport(2, 10, Tokens("all tokens", other, error, absent), [], [])));

    [Fact]
    public void The_tokens_whose_loss_rises_most_and_certainly_are_named()
    {
        var report = new ProbeReport(
            2, 10, Tokens("all tokens", 1, 0.1, 0),
            [Tokens("token 1 of a window", 0.5, 0.1, 0), Tokens("token 2 of a window", 2, 0.1, 0), Tokens("token 3 of a window", 3, 1.1, 0)],
            [Tokens("tokens never read before", -5, 0.1, 0)]);
        Assert.EndsWith(" nats a token, most for token 2 of a window.", ProbeVerdict.Of(report).Sentence);
    }

    private static ProbedTokens Tokens(string name, double other, double error, double absent) => new(name, 100, 5, new Dictionary<MemoryCondition, LossRise>
    {
        [MemoryCondition.OtherDocument] = new(other, error),
        [MemoryCondition.Absent] = new(absent, error),
    });
}
