using System.Text.Json;

namespace Baka.Cli.Tests;

public sealed class TrainCommandTests(TrainedRun trained) : IClassFixture<TrainedRun>
{
    [Fact]
    public void A_run_leaves_what_explains_it()
    {
        foreach (var name in (string[])["recipe.yaml", "environment.json", "metrics.jsonl", "latest", "best", "checkpoints"])
            Assert.True(Path.Exists(Path.Combine(trained.Run, name)), name);
        Assert.Contains("steps: 30", File.ReadAllText(Path.Combine(trained.Run, "recipe.yaml")));
        Assert.Contains("train", File.ReadAllText(Path.Combine(trained.Run, "environment.json")));
    }

    [Fact]
    public void The_report_compares_the_model_with_simple_ones_and_with_itself_without_memory()
    {
        var report = trained.Report.Output;
        foreach (var part in (string[])["step 1/30", "step 30/30", "this model", "its memory switched off", "bigram model", "unigram model", "uniform model", "bits per byte", "A sample:", "baka generate", "baka eval", "baka train --resume"])
            Assert.Contains(part, report);
        Assert.Equal("", trained.Report.Error);
    }

    [Fact]
    public void Every_command_that_the_report_proposes_works()
    {
        var proposed = trained.Report.Lines.Where(line => line.StartsWith("  baka ", StringComparison.Ordinal)).ToList();
        Assert.Equal(3, proposed.Count);
        foreach (var line in proposed.Select(line => line.Trim()).Where(line => !line.Contains("--resume")))
        {
            var words = line.Replace("'", "\"");
            BakaProgram.Succeed([.. System.CommandLine.Parsing.CommandLineParser.SplitCommandLine(words).Skip(1)]);
        }
    }

    [Fact]
    public void Json_output_is_one_object_a_line_from_start_to_end()
    {
        var outcome = BakaProgram.Succeed("train", trained.Recipe, "--data", trained.Text, "--out", trained.Folder.At("json"), "--steps", "12", "--json");
        var events = outcome.Lines.Select(line => JsonDocument.Parse(line).RootElement).ToList();
        var names = events.Select(e => e.GetProperty("event").GetString()).ToList();
        Assert.Equal(12, names.Count(name => name == "step"));
        Assert.Equal("started", names.First(name => name is not "stage"));
        Assert.Contains("evaluation", names);
        Assert.Contains("saved", names);
        Assert.Equal("ended", names[^1]);
        var end = events[^1];
        Assert.Equal("finished", end.GetProperty("reason").GetString());
        Assert.Equal(12, end.GetProperty("step").GetInt32());
        Assert.Equal(TrainedRun.ValidationLoss(trained.Folder.At("json")), end.GetProperty("last").GetProperty("loss").GetDouble(), 1e-9);
        Assert.True(end.GetProperty("baselines").GetProperty("uniform").GetDouble() > end.GetProperty("baselines").GetProperty("unigram").GetDouble());
    }

    [Fact]
    public void Options_are_keys_of_the_recipe()
    {
        var run = trained.Folder.At("options");
        BakaProgram.Succeed("train", trained.Recipe, "--data", trained.Text, "--out", run, "--minutes", "0.001", "--seed", "5", "--set", "train.optimizer.lr=0.002", "--set", "xl.windows=2");
        var recipe = File.ReadAllText(Path.Combine(run, "recipe.yaml"));
        foreach (var line in (string[])["steps: null", "minutes: 0.001", "seed: 5", "lr: 0.002", "windows: 2"])
            Assert.Contains(line, recipe);
    }

    [Fact]
    public void A_run_that_is_resumed_for_more_steps_goes_on_in_its_folder()
    {
        var run = trained.Folder.At("longer");
        BakaProgram.Succeed("train", trained.Recipe, "--data", trained.Text, "--out", run, "--steps", "8");
        var outcome = BakaProgram.Succeed("train", "--resume", run, "--steps", "16");
        Assert.Contains("step 8", outcome.Output);
        Assert.Contains("step 16/16", outcome.Output);
        Assert.True(Directory.Exists(Path.Combine(run, "checkpoints", "step-16")));
    }

    [Fact]
    public void Weights_of_another_run_can_be_begun_with()
    {
        var outcome = BakaProgram.Succeed("train", trained.Recipe, "--data", trained.Text, "--init-from", trained.Run, "--out", trained.Folder.At("tuned"), "--steps", "1", "--json");
        var first = outcome.Lines.Select(line => JsonDocument.Parse(line).RootElement).First(e => e.GetProperty("event").GetString() == "step");
        Assert.True(first.GetProperty("loss").GetDouble() < Math.Log(300) - 0.05);
    }

    [Fact]
    public void A_folder_that_is_taken_is_refused_and_unharmed()
    {
        var before = File.ReadAllText(Path.Combine(trained.Run, "metrics.jsonl"));
        UsageTests.AssertOneSentence(BakaProgram.Run("train", trained.Recipe, "--data", trained.Text, "--out", trained.Run), 1, "not empty");
        Assert.Equal(before, File.ReadAllText(Path.Combine(trained.Run, "metrics.jsonl")));
    }

    [Fact]
    public void Debugging_computes_the_same_slowly()
    {
        var run = trained.Folder.At("debug");
        BakaProgram.Succeed("train", trained.Recipe, "--data", trained.Text, "--out", run, "--steps", "2", "--debug");
        var fast = trained.Folder.At("fast");
        BakaProgram.Succeed("train", trained.Recipe, "--data", trained.Text, "--out", fast, "--steps", "2");
        Assert.Equal(TrainedRun.ValidationLoss(fast), TrainedRun.ValidationLoss(run), 1e-4);
    }
}
