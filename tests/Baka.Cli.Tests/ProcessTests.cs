using System.Diagnostics;

namespace Baka.Cli.Tests;

/// <summary>What only a process of its own can show: signals and pipes. Windows has neither of this kind.</summary>
public sealed class ProcessTests(TrainedRun trained) : IClassFixture<TrainedRun>
{
    private const string Endless = "1000000";

    [Fact]
    public void Ctrl_C_saves_ends_with_0_and_prints_the_command_that_resumes()
    {
        if (OperatingSystem.IsWindows())
            return;
        var run = trained.Folder.At("interrupted");
        using var process = BakaProgram.Start("train", trained.Recipe, "--data", trained.Text, "--out", run, "--steps", Endless, "--json");
        WaitForStep(process, 20);
        BakaProgram.Signal(process, BakaProgram.Interrupt);
        var rest = process.StandardOutput.ReadToEnd();
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();

        Assert.Equal(0, process.ExitCode);
        Assert.Contains($"baka train --resume {run}", rest);
        Assert.Contains("Stopping", error);
        Assert.DoesNotContain("   at ", error);
        // Saved at the step it stopped at, not only at the last round one.
        var step = int.Parse(File.ReadAllText(Path.Combine(run, "latest")).Trim()["step-".Length..]);
        Assert.Equal(step, File.ReadLines(Path.Combine(run, "metrics.jsonl")).Count(line => line.Contains("\"grad_norm\"")));
    }

    [Fact]
    public void Ctrl_C_ends_a_stream_with_what_was_measured()
    {
        if (OperatingSystem.IsWindows())
            return;
        using var process = BakaProgram.Start("eval", trained.Run, "--stream", trained.Folder.Write("long.txt", TinyText.Make(20000)), "--threads", "1");
        while (process.StandardError.ReadLine() is { } line && line != "reading…")
            Assert.StartsWith("encoding", line);
        BakaProgram.Signal(process, BakaProgram.Interrupt);
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        Assert.Contains("stopped before its end", output);
        Assert.Contains("position in the text", output);
    }

    [Fact]
    public void A_second_Ctrl_C_ends_the_program_at_once()
    {
        if (OperatingSystem.IsWindows())
            return;
        // A step of the reference kernels on many rows takes so long that the first is still waiting for its end.
        using var process = BakaProgram.Start(
            "train", trained.Recipe, "--data", trained.Text, "--out", trained.Folder.At("twice"), "--debug", "--set", "train.batch=40", "--set", "dim=128", "--json");
        WaitForStep(process, 1);

        // Between two steps there would be nothing to wait for, and the program would end in good order.
        Thread.Sleep(200);
        BakaProgram.Signal(process, BakaProgram.Interrupt);
        Assert.Equal("", process.StandardError.ReadLine());
        Assert.StartsWith("Stopping", process.StandardError.ReadLine());
        BakaProgram.Signal(process, BakaProgram.Interrupt);
        var rest = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.NotEqual(0, process.ExitCode);
        Assert.DoesNotContain("\"ended\"", rest);
    }

    [Fact]
    public void A_run_killed_at_random_moments_resumes_and_ends_as_if_nothing_had_happened()
    {
        if (OperatingSystem.IsWindows())
            return;
        string[] call = ["train", trained.Recipe, "--data", trained.Text, "--threads", "1", "--steps", "1500", "--set", "train.checkpoint_every=3", "--json"];
        var (killed, whole) = (trained.Folder.At("killed"), trained.Folder.At("whole"));
        BakaProgram.Succeed([.. call, "--out", whole]);

        var random = new Random(7);
        string[] next = [.. call, "--out", killed];
        for (var time = 0; time < 4; time++)
        {
            using var process = BakaProgram.Start(next);
            // The first checkpoint is that of step 3.
            WaitForStep(process, 5);
            Thread.Sleep(random.Next(60));
            Assert.False(process.HasExited);
            process.Kill();
            process.WaitForExit();
            next = ["train", "--resume", killed, "--threads", "1", "--json"];
        }

        BakaProgram.Succeed(next);
        Assert.Equal(TrainedRun.ValidationLoss(whole), TrainedRun.ValidationLoss(killed));
        Assert.Equal(Losses(whole), Losses(killed));
        Assert.Equal(Model(whole), Model(killed));
    }

    [Fact]
    public void A_reader_that_goes_away_ends_the_program_quietly()
    {
        if (OperatingSystem.IsWindows())
            return;
        using var process = BakaProgram.StartShell($"baka score '{trained.Run}' --text '{trained.Text}' | head -n 1; echo \"${{PIPESTATUS[0]}}\"");
        var lines = process.StandardOutput.ReadToEnd().Split('\n', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(2, lines.Length);
        Assert.StartsWith("{\"i\":1,", lines[0]);
        Assert.Equal("0", lines[1]);
        Assert.Equal("", process.StandardError.ReadToEnd());
    }

    [Fact]
    public void A_disk_that_is_full_is_told_in_a_sentence()
    {
        if (!OperatingSystem.IsLinux())
            return;
        using var process = BakaProgram.StartShell($"baka score '{trained.Run}' --text '{trained.Text}' > /dev/full");
        var error = process.StandardError.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(1, process.ExitCode);
        Assert.StartsWith("baka: ", Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries)));
    }

    private static void WaitForStep(Process process, int step) => WaitFor(process, "{\"event\":\"step\"", step);

    /// <summary>Reads the output up to the n-th line with some beginning.</summary>
    private static void WaitFor(Process process, string beginning, int times)
    {
        while (process.StandardOutput.ReadLine() is { } line)
        {
            if (line.StartsWith(beginning, StringComparison.Ordinal) && times-- <= 1)
                return;
        }

        Assert.Fail($"The run ended too early: {process.StandardError.ReadToEnd()}");
    }

    private static List<string> Losses(string run) =>
        [.. File.ReadLines(Path.Combine(run, "metrics.jsonl")).Where(line => line.Contains("\"grad_norm\"")).Select(line => line[..line.IndexOf("\"ms\"", StringComparison.Ordinal)])];

    private static byte[] Model(string run) => File.ReadAllBytes(Path.Combine(run, "checkpoints", File.ReadAllText(Path.Combine(run, "latest")).Trim(), "model.safetensors"));
}
