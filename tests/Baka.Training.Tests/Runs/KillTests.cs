using System.Diagnostics;
using Baka.Training.Runs;

namespace Baka.Training.Tests.Runs;

public sealed class KillTests : IDisposable
{
    public static readonly string[] Overrides = ["train.steps=60", "train.checkpoint_every=2", "train.eval_every=20", "train.keep=2"];

    private readonly TemporaryFolder _root = new();

    public void Dispose() => _root.Dispose();

    [Fact]
    public void A_run_killed_again_and_again_loses_nothing_but_the_steps_since_its_last_checkpoint()
    {
        var random = new Random(7);
        var folder = _root.At("killed");
        var survived = 0L;
        for (var kill = 0; kill < 5; kill++)
        {
            // Somewhere in its steps, evaluations and checkpoints.
            var until = survived + random.Next(3, 9);
            using var child = Start(folder);
            try
            {
                while (!child.HasExited && StepsRecorded(folder) < until)
                {
                    Thread.Sleep(random.Next(1, 4));
                }
            }
            finally
            {
                child.Kill();
                child.WaitForExit();
            }

            var recorded = StepsRecorded(folder);
            Assert.True(recorded >= until || child.ExitCode == 0);
            survived = recorded;
        }

        using var last = Start(folder);
        last.WaitForExit();
        Assert.Equal(0, last.ExitCode);

        var whole = _root.At("whole");
        TrainingRun.Run(TinyRun.Request(whole, TinyRun.Recipe(Overrides)));
        Assert.Equal(Records(whole), Records(folder));
    }

    private static Process Start(string folder) => Process.Start(new ProcessStartInfo("dotnet", [typeof(KillTests).Assembly.Location, folder])
    {
        RedirectStandardError = true,
        RedirectStandardOutput = true,
    })!;

    private static long StepsRecorded(string folder)
    {
        var path = Path.Combine(folder, "metrics.jsonl");
        return File.Exists(path) ? MetricsReader.Read(path).Steps.Select(s => s.Step).LastOrDefault() : 0;
    }

    private static List<(long Step, double Loss, double Norm)> Records(string folder)
    {
        var history = MetricsReader.Read(Path.Combine(folder, "metrics.jsonl"));
        return [.. history.Steps.Select(s => (s.Step, s.Loss, s.GradNorm)), .. history.Evaluations.Select(e => (e.Step, e.Loss, e.LossDocMean))];
    }
}
