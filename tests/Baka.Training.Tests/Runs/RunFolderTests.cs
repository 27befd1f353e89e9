using System.Text.Json;
using Baka.Data;
using Baka.Training.Runs;

namespace Baka.Training.Tests.Runs;

public sealed class RunFolderTests : IDisposable
{
    private static readonly DateTimeOffset Start = new(2024, 3, 9, 7, 5, 2, TimeSpan.FromHours(2));

    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void A_run_is_named_after_its_recipe_and_its_start()
    {
        var run = RunFolder.Create(_root.At("runs"), "small", Start);
        Assert.Equal(_root.At("runs", "small-20240309-070502"), run.Path);
        Assert.True(Directory.Exists(run.Path));
    }

    [Fact]
    public void Runs_started_in_the_same_second_have_folders_of_their_own()
    {
        var paths = new string[20];
        Parallel.For(0, paths.Length, i => paths[i] = RunFolder.Create(_root.Path, "small", Start).Path);
        Assert.Equal(paths.Length, paths.Distinct().Count());
        Assert.Contains(_root.At("small-20240309-070502-2"), paths);
    }

    [Fact]
    public void A_name_can_not_leave_the_root() =>
        Assert.Equal(_root.At("-up-my-run-20240309-070502"), RunFolder.Create(_root.Path, "../up/my run", Start).Path);

    [Fact]
    public void A_root_that_can_not_be_made_is_told_in_a_sentence()
    {
        File.WriteAllText(_root.At("file"), "");
        Assert.Contains("file", Assert.Throws<UserException>(() => RunFolder.Create(_root.At("file"), "small", Start)).Message);
    }

    [Fact]
    public void A_run_is_found_from_any_path_to_its_checkpoints()
    {
        var run = RunFolder.Create(_root.Path, "small", Start);
        foreach (var path in new[] { run.Path, run.Path + "/", Path.Combine(run.Path, "latest"), Path.Combine(run.Path, "checkpoints", "step-4") })
        {
            Assert.Equal(run.Path, RunFolder.Open(path).Path);
        }

        Assert.Throws<UserException>(() => RunFolder.Open(_root.Path));
    }

    [Fact]
    public void The_environment_says_what_a_run_ran_on()
    {
        var run = RunFolder.Create(_root.Path, "small", Start);
        run.WriteRecipe("name: small\n");
        run.WriteEnvironment(EnvironmentReport.Collect(3, "baka train --steps 5", Start));
        Assert.Equal("name: small\n", File.ReadAllText(run.RecipePath));
        using var json = JsonDocument.Parse(File.ReadAllText(run.EnvironmentPath));
        var report = json.RootElement;
        Assert.Matches(@"^\d+\.\d+\.\d+", report.GetProperty("version").GetString());
        Assert.Equal(3, report.GetProperty("threads").GetInt32());
        Assert.Equal("baka train --steps 5", report.GetProperty("command_line").GetString());
        Assert.Equal(Start, report.GetProperty("started_utc").GetDateTimeOffset());
        Assert.Equal(TimeSpan.Zero, report.GetProperty("started_utc").GetDateTimeOffset().Offset);
        Assert.Contains(report.GetProperty("simd_bits").GetInt32(), new[] { 64, 128, 256, 512 });
        Assert.True(report.GetProperty("cores").GetInt32() > 0);
        Assert.True(report.GetProperty("memory_bytes").GetInt64() > 0);
        Assert.All(
            ["operating_system", "architecture", "processor", "dot_net"],
            name => Assert.False(string.IsNullOrWhiteSpace(report.GetProperty(name).GetString())));
        if (report.GetProperty("commit") is { ValueKind: JsonValueKind.String } commit)
        {
            Assert.Matches("^[0-9a-f]{40}$", commit.GetString());
        }
    }
}
