using System.Text.Json;
using Baka.Data;

namespace Baka.Training.Runs;

/// <summary>Reads <c>metrics.jsonl</c>, also that of a run that was killed while it wrote a line.</summary>
public static class MetricsReader
{
    /// <exception cref="UserException">The file can't be read, or a line other than the last is damaged.</exception>
    public static MetricsHistory Read(string path)
    {
        var steps = new List<StepMetrics>();
        var evaluations = new List<EvaluationMetrics>();
        foreach (var (record, _) in Records(path))
        {
            if (record.TryGetProperty("split", out var split))
            {
                evaluations.Add(new EvaluationMetrics(
                    Whole(record, "step"), split.GetString() ?? "", Figure(record, "loss"), Figure(record, "ppl"),
                    Figure(record, "bpb"), Figure(record, "loss_doc_mean"), Whole(record, "tokens")));
            }
            else
            {
                steps.Add(new StepMetrics(
                    Whole(record, "step"), Whole(record, "tokens"), Figure(record, "loss"), Figure(record, "grad_norm"),
                    Figure(record, "lr"), Figure(record, "ms"), Figure(record, "tokens_per_s"), record.TryGetProperty("skipped", out _)));
            }
        }

        return new MetricsHistory(steps, evaluations);
    }

    /// <summary>
    /// Cuts off what was recorded after a step, and a line that was never finished, so that a run resumed there
    /// goes on where its record ends.
    /// </summary>
    /// <exception cref="UserException">The file can't be read or cut, or a line other than the last is damaged.</exception>
    public static void TruncateAfter(string path, long step)
    {
        var end = 0L;
        foreach (var (record, recordEnd) in Records(path))
        {
            if (Whole(record, "step") > step)
            {
                break;
            }

            end = recordEnd;
        }

        try
        {
            using var file = new FileStream(path, FileMode.Open, FileAccess.Write);
            file.SetLength(end);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"'{path}' can't be cut to what was recorded up to step {step}: {e.Message}", e);
        }
    }

    /// <summary>The records with the offset behind the line of each.</summary>
    private static IEnumerable<(JsonElement Record, long End)> Records(string path)
    {
        var bytes = ReadAll(path);
        var number = 1;
        for (var start = 0; start < bytes.Length; number++)
        {
            var length = bytes.AsSpan(start).IndexOf((byte)'\n');
            if (length < 0)
            {
                // Each line is written with its end: this one was cut short by a crash.
                yield break;
            }

            var end = start + length + 1;
            if (TryParse(bytes.AsMemory(start, length)) is { } record)
            {
                yield return (record, end);
            }
            else if (end < bytes.Length)
            {
                throw new UserException($"Line {number} of '{path}' is not a record of a run: remove the line, or the file.");
            }

            start = end;
        }
    }

    private static byte[] ReadAll(string path)
    {
        try
        {
            // A run that is still going on may be writing.
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = new byte[file.Length];
            file.ReadExactly(bytes);
            return bytes;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"'{path}' can't be read: {e.Message}", e);
        }
    }

    private static JsonElement? TryParse(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            return root.ValueKind == JsonValueKind.Object && root.TryGetProperty("step", out var step) && step.TryGetInt64(out _)
                ? root.Clone()
                : null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static double Figure(JsonElement record, string name) =>
        record.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : double.NaN;

    private static long Whole(JsonElement record, string name) =>
        record.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var whole) ? whole : 0;
}
