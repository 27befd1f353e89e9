using System.Text.Json;

namespace Baka.Cli.Tests;

/// <summary>Commands on a trained model.</summary>
public sealed class ModelCommandTests(TrainedRun trained) : IClassFixture<TrainedRun>
{
    [Fact]
    public void Eval_measures_what_the_run_measured()
    {
        var report = Json(BakaProgram.Succeed("eval", trained.Run, "--json"));
        Assert.Equal(TrainedRun.ValidationLoss(trained.Run), report.GetProperty("loss").GetDouble(), 1e-6);
        Assert.Equal(Math.Exp(report.GetProperty("loss").GetDouble()), report.GetProperty("ppl").GetDouble(), 1e-6);
        Assert.True(report.GetProperty("memory").GetBoolean());
        Assert.Equal(report.GetProperty("tokens").GetInt64(), report.GetProperty("by_position").EnumerateArray().Sum(bucket => bucket.GetProperty("tokens").GetInt64()));
    }

    [Fact]
    public void Eval_prints_a_table_for_people()
    {
        var output = BakaProgram.Succeed("eval", trained.Run, "--memory", "off").Output;
        foreach (var part in (string[])["perplexity", "bits per byte", "off: forgotten", "position in the document"])
            Assert.Contains(part, output);
    }

    [Fact]
    public void Scores_are_of_every_token_but_the_first_and_their_mean_is_the_loss()
    {
        var scores = Scores("--text", trained.Text);
        var tokens = JsonSerializer.Deserialize<int[]>(BakaProgram.Succeed("tokenizer", "encode", trained.Run, "--text", trained.Text).Output)!;
        Assert.Equal(tokens[1..], scores.Select(score => score.GetProperty("token").GetInt32()));
        Assert.Equal(Enumerable.Range(1, tokens.Length - 1), scores.Select(score => score.GetProperty("i").GetInt32()));
        var loss = Json(BakaProgram.Succeed("eval", trained.Run, "--data", trained.Text, "--json")).GetProperty("loss").GetDouble();
        Assert.Equal(loss, scores.Average(score => score.GetProperty("nll").GetDouble()), 1e-6);
    }

    [Fact]
    public void Scores_without_memory_differ_after_the_first_window_alone()
    {
        var (on, off) = (Scores("--text", trained.Text), Scores("--text", trained.Text, "--memory", "off"));
        const int Window = 16;
        Assert.Equal(on.Take(Window - 1).Select(Nll), off.Take(Window - 1).Select(Nll));
        Assert.NotEqual(on.Skip(Window).Take(Window).Select(Nll), off.Skip(Window).Take(Window).Select(Nll));

        static double Nll(JsonElement score) => score.GetProperty("nll").GetDouble();
    }

    [Fact]
    public void Tokens_can_be_scored_as_well_as_their_text()
    {
        var tokens = trained.Folder.Write("tokens.json", BakaProgram.Succeed("tokenizer", "encode", trained.Run, "--text", trained.Text).Output);
        Assert.Equal(BakaProgram.Succeed("score", trained.Run, "--text", trained.Text).Output, BakaProgram.Succeed("score", trained.Run, "--tokens", tokens).Output);
        UsageTests.AssertOneSentence(BakaProgram.Run("score", trained.Run, "--tokens", trained.Folder.Write("foreign.json", "[1, 2, 70000]")), 1, "70000");
    }

    [Fact]
    public void The_same_seed_generates_the_same_text()
    {
        string[] call = ["generate", trained.Run, "--prompt", "the cat", "--tokens", "40", "--seed", "3"];
        var text = BakaProgram.Succeed(call).Output;
        Assert.StartsWith("the cat", text);
        Assert.Equal(text, BakaProgram.Succeed(call).Output);
        Assert.NotEqual(text, BakaProgram.Succeed([.. call[..^1], "4"]).Output);
    }

    [Fact]
    public void A_book_that_was_read_once_can_be_gone_on_from_many_times()
    {
        var state = trained.Folder.At("book.state");
        Assert.Equal("", BakaProgram.Succeed("generate", trained.Run, "--prompt-file", trained.Text, "--tokens", "0", "--save-state", state).Output);
        var direct = BakaProgram.Succeed("generate", trained.Run, "--prompt-file", trained.Text, "--tokens", "30").Output;
        for (var time = 0; time < 2; time++)
            Assert.Equal(direct, BakaProgram.Succeed("generate", trained.Run, "--load-state", state, "--tokens", "30").Output);
    }

    [Fact]
    public void A_damaged_checkpoint_is_refused_by_every_command()
    {
        var copy = trained.Folder.At("damaged");
        Directory.CreateDirectory(copy);
        var best = Path.Combine(trained.Run, "checkpoints", File.ReadAllText(Path.Combine(trained.Run, "best")).Trim());
        foreach (var file in Directory.GetFiles(best))
            File.Copy(file, Path.Combine(copy, Path.GetFileName(file)));
        var model = Path.Combine(copy, "model.safetensors");
        var bytes = File.ReadAllBytes(model);
        bytes[^1] ^= 1;
        File.WriteAllBytes(model, bytes);
        UsageTests.AssertOneSentence(BakaProgram.Run("eval", copy), 1, "model.safetensors");
        UsageTests.AssertOneSentence(BakaProgram.Run("generate", copy, "--prompt", "a"), 1, "model.safetensors");
    }

    [Fact]
    public void The_doctor_finds_the_memory_of_a_run_and_of_a_recipe_in_order()
    {
        foreach (var model in (string[])[trained.Run, trained.Recipe])
        {
            var checks = Json(BakaProgram.Succeed("doctor", model, "--json", "--threads", "1")).GetProperty("memory_test").EnumerateArray().ToList();
            Assert.NotEmpty(checks);
            Assert.All(checks, check => Assert.True(check.GetProperty("passed").GetBoolean(), check.ToString()));
        }
    }

    [Fact]
    public void The_doctor_describes_the_machine()
    {
        var output = BakaProgram.Succeed("doctor", "--threads", "1").Output;
        foreach (var part in (string[])["processor", "vectors", "GFLOP/s", "cache"])
            Assert.Contains(part, output);
    }

    [Fact]
    public void A_plan_adds_up_and_grows_with_the_batch()
    {
        var (one, four) = (Plan("--batch", "1").GetProperty("plan"), Plan("--batch", "4").GetProperty("plan"));
        Assert.True(four.GetProperty("memory").GetProperty("arena").GetInt64() > one.GetProperty("memory").GetProperty("arena").GetInt64());
        Assert.Equal(4 * one.GetProperty("tokens_per_step").GetInt64(), four.GetProperty("tokens_per_step").GetInt64());
        Assert.Equal(four.GetProperty("flops").GetInt64(), four.GetProperty("kernels").EnumerateArray().Sum(kernel => kernel.GetProperty("flops").GetInt64()));
        var table = BakaProgram.Succeed("plan", trained.Recipe, "--threads", "1").Output;
        foreach (var part in (string[])["MatMul", "predicted peak", "parameters"])
            Assert.Contains(part, table);
    }

    [Fact]
    public void A_plan_of_a_part_shows_what_is_saved()
    {
        var (all, some) = (Plan().GetProperty("plan"), Plan("--set", "train.only=[head]").GetProperty("plan"));
        Assert.Equal(all.GetProperty("parameter_count").GetInt64(), all.GetProperty("trained_count").GetInt64());
        Assert.Equal(all.GetProperty("parameter_count").GetInt64(), some.GetProperty("parameter_count").GetInt64());
        Assert.Equal(8 * some.GetProperty("trained_count").GetInt64(), some.GetProperty("memory").GetProperty("optimizer").GetInt64());
        Assert.True(some.GetProperty("flops").GetInt64() < all.GetProperty("flops").GetInt64() / 2);
        Assert.Contains("are trained: head", BakaProgram.Succeed("plan", trained.Recipe, "--threads", "1", "--set", "train.only=[head]").Output);
    }

    [Fact]
    public void A_plan_says_when_nothing_fits() =>
        Assert.Contains("Not even a batch of 1 fits in 1.00 MB", BakaProgram.Succeed("plan", trained.Recipe, "--memory", "1MB", "--threads", "1").Output);

    [Fact]
    public void A_benchmark_reports_rates_that_fit_together()
    {
        var report = Json(BakaProgram.Succeed("bench", "--preset", trained.Recipe, "--batch", "2", "--windows", "3", "--steps", "3", "--threads", "1", "--json"));
        Assert.Equal(2 * 3 * 16, report.GetProperty("tokens_per_step").GetInt32());
        Assert.Equal(96 / report.GetProperty("ms_per_step").GetDouble() * 1000, report.GetProperty("tokens_per_s").GetDouble(), 1e-3);
        Assert.Contains("tokens/s", BakaProgram.Succeed("bench", "--preset", trained.Recipe, "--steps", "1", "--threads", "1").Output);
    }

    private JsonElement Plan(params string[] arguments) => Json(BakaProgram.Succeed(["plan", trained.Recipe, "--threads", "1", "--json", .. arguments]));

    [Fact]
    public void Recipes_are_listed_and_printed_so_that_they_can_be_trained()
    {
        Assert.Contains("rmt-16", BakaProgram.Succeed("recipes").Output);
        var mine = trained.Folder.Write("printed.yaml", BakaProgram.Succeed("recipes", "rmt-16", "--set", "dim=64").Output);
        Assert.Contains("dim: 64", BakaProgram.Succeed("recipes", mine).Output);
    }

    private List<JsonElement> Scores(params string[] arguments) =>
        [.. BakaProgram.Succeed(["score", trained.Run, .. arguments]).Lines.Select(line => JsonDocument.Parse(line).RootElement)];

    private static JsonElement Json(BakaProgram.Outcome outcome) => JsonDocument.Parse(outcome.Output).RootElement;
}
