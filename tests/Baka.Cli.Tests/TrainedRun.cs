using System.Text.Json;

namespace Baka.Cli.Tests;

/// <summary>A run that several tests look at.</summary>
public sealed class TrainedRun : IDisposable
{
    public TrainedRun()
    {
        Text = Folder.Write("text.txt", TinyText.Make(60));
        Recipe = Folder.Write("mine.yaml", TinyText.Recipe);
        Run = Folder.At("run");
        Report = BakaProgram.Succeed("train", Recipe, "--data", Text, "--out", Run, "--threads", "1");
    }

    public TemporaryFolder Folder { get; } = new();

    public string Text { get; }

    public string Recipe { get; }

    /// <summary>The folder of the run.</summary>
    public string Run { get; }

    internal BakaProgram.Outcome Report { get; }

    /// <summary>The last validation loss that a run recorded.</summary>
    public static double ValidationLoss(string run) =>
        File.ReadLines(Path.Combine(run, "metrics.jsonl"))
            .Select(line => JsonDocument.Parse(line).RootElement)
            .Last(line => line.TryGetProperty("split", out var split) && split.GetString() == "valid")
            .GetProperty("loss").GetDouble();

    public void Dispose() => Folder.Dispose();
}
