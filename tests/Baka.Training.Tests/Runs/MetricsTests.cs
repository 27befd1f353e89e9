using Baka.Data;
using Baka.Training.Runs;

namespace Baka.Training.Tests.Runs;

public sealed class MetricsTests : IDisposable
{
    private readonly TemporaryFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private string LogPath => _folder.At("metrics.jsonl");

    [Fact]
    public void A_record_is_one_line_with_the_documented_fields()
    {
        using (var log = new MetricsLog(LogPath))
        {
            log.Append(new StepMetrics(3, 300, 2.5, 0.5, 0.001, 12.5, 8000));
            log.Append(new EvaluationMetrics(3, "valid", 2, 7.5, 1.25, 2.25, 50) { Accuracy = 0.75, ExactMatch = 0.5 });
            log.Append(new StepMetrics(4, 400, double.NaN, double.PositiveInfinity, 0.001, 12.5, 8000, Skipped: true));
        }

        Assert.Equal(
            """
            {"step":3,"tokens":300,"loss":2.5,"grad_norm":0.5,"lr":0.001,"ms":12.5,"tokens_per_s":8000}
            {"step":3,"split":"valid","loss":2,"ppl":7.5,"bpb":1.25,"loss_doc_mean":2.25,"tokens":50,"accuracy":0.75,"exact_match":0.5}
            {"step":4,"tokens":400,"loss":null,"grad_norm":null,"lr":0.001,"ms":12.5,"tokens_per_s":8000,"skipped":true}

            """.ReplaceLineEndings("\n"),
            File.ReadAllText(LogPath));
    }

    [Fact]
    public void Records_are_read_as_they_were_written_even_while_the_run_goes_on()
    {
        StepMetrics[] steps = [new(1, 10, 1 / 3.0, 1e-300, 5e-4, 0.1, 1e9), new(2, 20, double.NaN, 2, 3, 4, 5, Skipped: true)];
        EvaluationMetrics[] evaluations = [new(1, "tränen", 0.1 + 0.2, double.NaN, 2, 3, 4)];
        using var log = new MetricsLog(LogPath);
        log.Append(steps[0]);
        log.Append(evaluations[0]);
        log.Append(steps[1]);
        var history = MetricsReader.Read(LogPath);
        Assert.Equal(steps, history.Steps);
        Assert.Equal(evaluations, history.Evaluations);
    }

    [Fact]
    public void Appending_a_step_allocates_nothing()
    {
        using var log = new MetricsLog(LogPath);
        log.Append(new StepMetrics(1, 10, 1 / 3.0, 2, 3, 4, 5));
        var before = GC.GetAllocatedBytesForCurrentThread();
        for (var step = 2; step < 100; step++)
        {
            log.Append(new StepMetrics(step, 10, 1.0 / step, 2, 3, 4, 5));
        }

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void A_line_torn_anywhere_by_a_crash_is_left_out()
    {
        WriteSteps(3);
        var whole = File.ReadAllBytes(LogPath);
        var lastLine = Array.LastIndexOf(whole, (byte)'\n', whole.Length - 2) + 1;
        for (var length = lastLine; length < whole.Length; length++)
        {
            File.WriteAllBytes(LogPath, whole[..length]);
            Assert.Equal([1, 2], MetricsReader.Read(LogPath).Steps.Select(s => s.Step));
        }
    }

    [Fact]
    public async Task A_record_can_be_read_while_a_resumed_run_cuts_it()
    {
        WriteSteps(2000);
        var whole = File.ReadAllBytes(LogPath);
        using var reading = new CancellationTokenSource();
        var cutting = Task.Run(() =>
        {
            using var file = new FileStream(LogPath, FileMode.Open, FileAccess.Write, FileShare.ReadWrite);
            while (!reading.IsCancellationRequested)
            {
                file.SetLength(0);
                file.Write(whole);
                file.Flush();
            }
        });
        try
        {
            for (var time = 0; time < 500; time++)
            {
                var steps = MetricsReader.Read(LogPath).Steps;
                Assert.Equal(Enumerable.Range(1, steps.Count), steps.Select(s => (int)s.Step));
            }
        }
        finally
        {
            reading.Cancel();
            await cutting;
        }
    }

    [Fact]
    public void A_resumed_run_goes_on_where_its_record_ends()
    {
        WriteSteps(5);
        File.AppendAllText(LogPath, """{"step":6,"tok""");
        MetricsReader.TruncateAfter(LogPath, 3);
        using (var log = new MetricsLog(LogPath))
        {
            log.Append(new StepMetrics(4, 44, 1, 1, 1, 1, 1));
        }

        var history = MetricsReader.Read(LogPath);
        Assert.Equal([(1, 10), (2, 20), (3, 30), (4, 44L)], history.Steps.Select(s => (s.Step, s.Tokens)));
        Assert.Equal([1, 2, 3], history.Evaluations.Select(e => e.Step));
    }

    [Fact]
    public void Cutting_at_the_end_removes_only_a_torn_line()
    {
        WriteSteps(2);
        var whole = File.ReadAllBytes(LogPath);
        File.AppendAllText(LogPath, "{");
        MetricsReader.TruncateAfter(LogPath, 2);
        Assert.Equal(whole, File.ReadAllBytes(LogPath));
        MetricsReader.TruncateAfter(LogPath, 0);
        Assert.Empty(File.ReadAllBytes(LogPath));
    }

    [Theory]
    [InlineData("nonsense")]
    [InlineData("[1]")]
    [InlineData("7")]
    [InlineData("{}")]
    [InlineData("""{"step":1,"tokens":2}""")]
    [InlineData("""{"step":"1","tokens":1,"loss":1,"grad_norm":1,"lr":1,"ms":1,"tokens_per_s":1}""")]
    [InlineData("""{"step":1.5,"tokens":1,"loss":1,"grad_norm":1,"lr":1,"ms":1,"tokens_per_s":1}""")]
    [InlineData("""{"step":1,"split":3,"loss":1,"ppl":1,"bpb":1,"loss_doc_mean":1,"tokens":1}""")]
    public void A_damaged_line_in_the_middle_is_refused_with_its_number(string line)
    {
        WriteSteps(2);
        var lines = File.ReadAllLines(LogPath);
        File.WriteAllLines(LogPath, [lines[0], line, .. lines[2..]]);
        var message = Assert.Throws<UserException>(() => MetricsReader.Read(LogPath)).Message;
        Assert.Contains("Line 2", message);
        Assert.Contains(LogPath, message);
    }

    [Fact]
    public void Flipped_bytes_are_refused_or_read_but_never_crash()
    {
        WriteSteps(3);
        var whole = File.ReadAllBytes(LogPath);
        var random = new Random(3);
        var refused = 0;
        for (var trial = 0; trial < 500; trial++)
        {
            var bytes = whole.ToArray();
            bytes[random.Next(bytes.Length)] = (byte)random.Next(256);
            File.WriteAllBytes(LogPath, bytes);
            try
            {
                MetricsReader.Read(LogPath);
            }
            catch (UserException)
            {
                refused++;
            }
        }

        Assert.InRange(refused, 50, 500);
    }

    [Fact]
    public void A_missing_file_is_refused() =>
        Assert.Throws<UserException>(() => MetricsReader.Read(LogPath));

    private void WriteSteps(int count)
    {
        using var log = new MetricsLog(LogPath);
        for (var step = 1; step <= count; step++)
        {
            log.Append(new EvaluationMetrics(step, "valid", 1, 1, 1, 1, 1));
            log.Append(new StepMetrics(step, 10 * step, 1, 1, 1, 1, 1));
        }
    }
}
