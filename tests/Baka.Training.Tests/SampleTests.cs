using System.Diagnostics;
using Baka.Training.Tests.Runs;

namespace Baka.Training.Tests;

public sealed class SampleTests
{
    [Fact]
    public void The_quick_start_sample_trains_and_writes()
    {
        using var root = new TemporaryFolder();
        var program = Path.Combine(AppContext.BaseDirectory, "Quickstart.dll");
        using var process = Process.Start(new ProcessStartInfo("dotnet", [program, root.At("run")]) { RedirectStandardOutput = true })!;
        var output = process.StandardOutput.ReadToEnd();
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
        Assert.Matches(@"^Loss after \d+ steps: 0\.\d+ nats a token", output);
        Assert.Contains("One for sorrow, two for joy, three for a girl", output);
    }
}
