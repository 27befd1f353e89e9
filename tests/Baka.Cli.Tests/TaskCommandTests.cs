using System.Text.Json;

namespace Baka.Cli.Tests;

/// <summary>The commands on a memory task.</summary>
public sealed class TaskCommandTests : IDisposable
{
    private static readonly string[] Tiny =
    [
        "--set", "layers=1", "--set", "dim=16", "--set", "heads=2", "--set", "mlp.hidden=16", "--set", "memory.tokens=2", "--set", "window=6", "--set", "data.task.length=4",
        "--set", "data.task.segments=2", "--set", "train.windows_per_step=2", "--set", "train.batch=4", "--steps", "6", "--threads", "1",
    ];

    private readonly TemporaryFolder _folder = new();

    private string RunFolder => _folder.At("run");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_task_is_trained_measured_and_gone_on_with()
    {
        var report = Train().Output;
        foreach (var part in (string[])["the task copy over 2 windows of 6 tokens: documents without end", "8,000 answer tokens", "tokens right", "documents right", "its memory switched off"])
            Assert.Contains(part, report);
        Assert.DoesNotContain("bits per byte", report);

        var figures = JsonDocument.Parse(BakaProgram.Succeed("eval", RunFolder, "--json", "--threads", "1").Output).RootElement;
        var recorded = File.ReadLines(Path.Combine(RunFolder, "metrics.jsonl")).Select(line => JsonDocument.Parse(line).RootElement)
            .Single(line => line.TryGetProperty("split", out var split) && split.GetString() == "valid");
        foreach (var name in (string[])["accuracy", "exact_match", "loss"])
            Assert.Equal(recorded.GetProperty(name).GetDouble(), figures.GetProperty(name).GetDouble(), 1e-6);
        Assert.Equal(8000, figures.GetProperty("tokens").GetInt64());
        Assert.Equal(JsonValueKind.Null, figures.GetProperty("bpb").ValueKind);
        Assert.Matches(@"accuracy +\d+\.\d % of the tokens; \d+\.\d % of the documents as a whole", BakaProgram.Succeed("eval", RunFolder).Output);

        Assert.StartsWith("abcd>", BakaProgram.Succeed("generate", RunFolder, "--prompt", "abcd>", "--tokens", "8").Output);
        UsageTests.AssertOneSentence(BakaProgram.Run("generate", RunFolder, "--prompt", "Once upon"), 1, "no token for 'O");
    }

    [Fact]
    public void Texts_beside_a_task_are_a_wrong_call() =>
        UsageTests.AssertOneSentence(BakaProgram.Run("train", "copy", "--data", _folder.Write("text.txt", "text")), 2, "leave out one of them");

    [Fact]
    public void A_task_that_does_not_fit_is_told() =>
        UsageTests.AssertOneSentence(BakaProgram.Run("train", "copy", "--set", "window=100"), 1, "needs 361 tokens but has 301");

    private BakaProgram.Outcome Train() => BakaProgram.Succeed(["train", "copy", "--out", RunFolder, .. Tiny]);
}
