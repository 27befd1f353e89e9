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
        foreach (var record in Records(path))
        {
            if (record.Evaluation is { } evaluation)
            {
                evaluations.Add(evaluation);
            }
            else
            {
                steps.Add(record.OfStep);
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
        foreach (var record in Records(path))
        {
            if ((record.Evaluation?.Step ?? record.OfStep.Step) > step)
            {
                break;
            }

            end = record.End;
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

    private static IEnumerable<Record> Records(string path)
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
            if (TryParse(bytes.AsMemory(start, length), end) is { } record)
            {
                yield return record;
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
            // A run that is still going on may be writing, and one that resumes may be cutting: the length is known
            // only when the end has been read.
            using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
            var bytes = new MemoryStream();
            file.CopyTo(bytes);
            return bytes.ToArray();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"'{path}' can't be read: {e.Message}", e);
        }
    }

    private static Record? TryParse(ReadOnlyMemory<byte> line, long end)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            return root.TryGetProperty("split", out var split)
                ? new Record(end, default, ParseEvaluation(root, split.GetString()!))
                : new Record(end, ParseStep(root), null);
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            return null;
        }
    }

    private static StepMetrics ParseStep(JsonElement record) => new(
        record.GetProperty("step").GetInt64(),
        record.GetProperty("tokens").GetInt64(),
        Figure(record, "loss"),
        Figure(record, "grad_norm"),
        Figure(record, "lr"),
        Figure(record, "ms"),
        Figure(record, "tokens_per_s"),
        record.TryGetProperty("skipped", out var skipped) && skipped.GetBoolean());

    private static EvaluationMetrics ParseEvaluation(JsonElement record, string split) => new(
        record.GetProperty("step").GetInt64(),
        split,
        Figure(record, "loss"),
        Figure(record, "ppl"),
        Figure(record, "bpb"),
        Figure(record, "loss_doc_mean"),
        record.GetProperty("tokens").GetInt64())
    {
        // Earlier records have neither.
        Accuracy = record.TryGetProperty("accuracy", out var accuracy) ? Figure(accuracy) : double.NaN,
        ExactMatch = record.TryGetProperty("exact_match", out var exact) ? Figure(exact) : double.NaN,
    };

    private static double Figure(JsonElement record, string name) => Figure(record.GetProperty(name));

    private static double Figure(JsonElement value) => value.ValueKind == JsonValueKind.Null ? double.NaN : value.GetDouble();

    /// <summary>A line and the offset behind it: an evaluation, or else a step.</summary>
    private readonly record struct Record(long End, StepMetrics OfStep, EvaluationMetrics? Evaluation);
}
