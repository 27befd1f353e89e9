using Baka.Data;
using Baka.Training.Checkpoints;
using Baka.Training.Tests.Runs;

namespace Baka.Training.Tests.Checkpoints;

/// <summary>Saves are broken off before each of their changes to the disk in turn, as by kill -9, and as by a disk that refuses.</summary>
public class CrashTests
{
    // What is saved onto a run that has steps 1 (the best) and 2 already, keeping one: a later step, a better one, and step 2 once more.
    public static TheoryData<long, bool> Saves => new() { { 3, false }, { 3, true }, { 2, false }, { 2, true } };

    [Theory]
    [MemberData(nameof(Saves))]
    public void A_crash_at_any_moment_leaves_a_whole_latest_and_best_checkpoint(long step, bool isBest)
    {
        for (var moment = 0; ; moment++)
        {
            using var run = NewRun();
            var crashed = Break(run, step, isBest, moment, () => new SimulatedCrash());
            AssertWhole(run, step);
            // After the crash the run goes on, and clears up.
            Store(run).Save(Sample.State(step + 1, 7), Sample.Files(step + 1, 7), isBest: false);
            Assert.Equal((step + 1, 7), Sample.Identify(run.Path));
            Assert.Empty(Hidden(run));
            if (!crashed)
            {
                Assert.True(moment > 10, "the save had hardly anything to break off");
                return;
            }
        }
    }

    [Theory]
    [MemberData(nameof(Saves))]
    public void A_second_crash_while_clearing_up_does_no_harm_either(long step, bool isBest)
    {
        for (var first = 0; ; first += 2)
        {
            for (var second = 0; ; second += 3)
            {
                using var run = NewRun();
                if (!Break(run, step, isBest, first, () => new SimulatedCrash()))
                {
                    return;
                }

                var crashed = Break(run, step, isBest, second, () => new SimulatedCrash());
                AssertWhole(run, step);
                if (!crashed)
                {
                    break;
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Saves))]
    public void A_full_disk_is_told_in_a_sentence_and_harms_no_checkpoint(long step, bool isBest)
    {
        for (var moment = 0; ; moment++)
        {
            using var run = NewRun();
            var full = Break(run, step, isBest, moment, () => new IOException("No space left on device."));
            AssertWhole(run, step);
            if (!full)
            {
                return;
            }
        }
    }

    [Fact]
    public void A_device_that_is_full_for_good_is_told_in_a_sentence()
    {
        const string Full = "/dev/full";
        if (!File.Exists(Full))
        {
            return;
        }

        using var run = NewRun();
        var files = new CheckpointFile(CheckpointFiles.Model, _ =>
        {
            using var device = new FileStream(Full, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
            SafetensorsWriter.Write(device, [new TensorSource("w", [1], new float[1])]);
        });
        var refusal = Assert.Throws<UserException>(() => Store(run).Save(Sample.State(3), [files], isBest: true));
        Assert.Contains("step-3", refusal.Message);
        Assert.Equal((2, 0), Sample.Identify(run.Path));
        Assert.Empty(Hidden(run));
    }

    private static TemporaryFolder NewRun()
    {
        // In memory where there is a folder for that: these tests flush thousands of files.
        var run = new TemporaryFolder("/dev/shm");
        Store(run).Save(Sample.State(1), Sample.Files(1), isBest: true);
        Store(run).Save(Sample.State(2), Sample.Files(2), isBest: false);
        return run;
    }

    private static CheckpointStore Store(TemporaryFolder run, Action<string>? before = null) => new(run.Path, keepLast: 1, new DurableFiles(before));

    /// <summary>Saves with the mark 9; from the change with the number <paramref name="moment"/> on, every change fails.</summary>
    /// <returns>Whether the save came to that change.</returns>
    private static bool Break(TemporaryFolder run, long step, bool isBest, int moment, Func<Exception> failure)
    {
        var changes = 0;
        var store = Store(run, _ =>
        {
            if (changes++ >= moment)
            {
                throw failure();
            }
        });
        try
        {
            store.Save(Sample.State(step, 9), Sample.Files(step, 9), isBest);
        }
        catch (Exception e) when (e is SimulatedCrash or UserException)
        {
            // What it leaves behind is what the tests look at.
        }

        return changes > moment;
    }

    private static void AssertWhole(TemporaryFolder run, long step)
    {
        Assert.Contains(Sample.Identify(run.Path), new[] { (2L, 0), (step, 9) });
        Assert.Contains(Sample.Identify(run.At("best")), new[] { (1L, 0), (step, 9) });
    }

    private static IEnumerable<string> Hidden(TemporaryFolder run) =>
        Directory.EnumerateFileSystemEntries(run.Path, ".*", SearchOption.AllDirectories);

    private sealed class SimulatedCrash : Exception;
}
