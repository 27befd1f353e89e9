using System.Text.Json;

namespace Baka.Cli.Tests;

/// <summary><c>baka eval --probe</c> and <c>--stream</c>; the plain one is among the tests of all commands on a model.</summary>
public sealed class EvalCommandTests(TrainedRun trained) : IClassFixture<TrainedRun>
{
    [Fact]
    public void A_probe_prints_one_table_and_ends_with_one_sentence()
    {
        var lines = BakaProgram.Succeed("eval", trained.Run, "--probe", "--data", Books()).Lines;
        foreach (var part in (string[])["zeroed", "shuffled", "other document", "none", "all tokens", "± standard error", "tokens 1 – 2 of a window", "last read 1 window ago"])
            Assert.Contains(lines, line => line.Contains(part));
        Assert.Matches(@"^(It|What|Its) .*memory.* nats a token.*\.$", lines[^1]);
        Assert.All(lines.SkipLast(1), line => Assert.True(line.TrimEnd().Length <= 120, line));
    }

    [Fact]
    public void A_probe_for_machines_has_the_same_figures_in_one_line()
    {
        var report = Json(BakaProgram.Succeed("eval", trained.Run, "--probe", "--data", Books(), "--json"));
        var probe = report.GetProperty("probe");
        var all = probe.GetProperty("all");
        Assert.EndsWith(".", report.GetProperty("sentence").GetString());
        Assert.Equal(3, probe.GetProperty("documents").GetInt32());
        foreach (var condition in (string[])["zeroed", "shuffled", "other-document", "absent"])
            Assert.True(all.GetProperty("rises").GetProperty(condition).GetProperty("standard_error").GetDouble() > 0);
        foreach (var parts in (string[])["by_position", "by_distance"])
            Assert.Equal(all.GetProperty("tokens").GetInt64(), probe.GetProperty(parts).EnumerateArray().Sum(part => part.GetProperty("tokens").GetInt64()));
        Assert.Contains($" {Math.Abs(all.GetProperty("rises").GetProperty("other-document").GetProperty("rise").GetDouble()):F4} ± ", report.GetProperty("sentence").GetString());
    }

    [Fact]
    public void A_single_document_has_nothing_to_be_compared_with() =>
        UsageTests.AssertOneSentence(BakaProgram.Run("eval", trained.Run, "--probe", "--data", trained.Text), 1, "no two documents");

    [Fact]
    public void A_stream_shows_perplexity_by_position_and_that_memory_is_flat()
    {
        var output = BakaProgram.Succeed("eval", trained.Run, "--stream", Books(), "--tokens", "5000").Output;
        foreach (var part in (string[])["3 documents read as one, 5,000 predicted tokens", "MB apart", "position in the text", "512 – 1,023", "4,096 – 8,191", "tokens/s", "loss (nats)", "memory of the process (MB)", "token "])
            Assert.Contains(part, output);
        Assert.Contains(output, c => c is > '\u2800' and <= '\u28FF');
    }

    [Fact]
    public void A_stream_for_machines_adds_up()
    {
        var report = Json(BakaProgram.Succeed("eval", trained.Run, "--stream", trained.Text, "--json"));
        var loss = Json(BakaProgram.Succeed("eval", trained.Run, "--data", trained.Text, "--json"));
        Assert.Equal(loss.GetProperty("loss").GetDouble(), report.GetProperty("loss").GetDouble(), 1e-9);
        Assert.Equal(loss.GetProperty("bpb").GetDouble(), report.GetProperty("bpb").GetDouble(), 1e-9);
        Assert.False(report.GetProperty("interrupted").GetBoolean());
        Assert.Equal(report.GetProperty("tokens").GetInt64(), report.GetProperty("samples").EnumerateArray().Sum(sample => sample.GetProperty("tokens").GetInt64()));
        var process = report.GetProperty("process_bytes");
        Assert.True(process.GetProperty("least").GetInt64() <= process.GetProperty("most").GetInt64());
    }

    /// <summary>A file of three documents.</summary>
    private string Books() =>
        trained.Folder.Write("books.jsonl", string.Join('\n', new[] { 11, 12, 13 }.Select(seed => JsonSerializer.Serialize(new { text = TinyText.Make(30, seed) }))));

    private static JsonElement Json(BakaProgram.Outcome outcome) => JsonDocument.Parse(outcome.Output).RootElement;
}
