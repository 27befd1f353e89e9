using System.Buffers;
using System.Text.Json;
using Baka.Data;

namespace Baka.Training.Runs;

/// <summary>
/// Appends to <c>metrics.jsonl</c>, one JSON object a line, each handed to the operating system at once.
/// Figures that are not finite are written as null, since JSON has no others. Appending a step allocates nothing.
/// </summary>
public sealed class MetricsLog : IDisposable
{
    private readonly FileStream _file;
    private readonly ArrayBufferWriter<byte> _line = new(1024);
    private readonly Utf8JsonWriter _json;

    /// <exception cref="UserException">The file can't be written.</exception>
    public MetricsLog(string path)
    {
        try
        {
            _file = new FileStream(path, FileMode.Append, FileAccess.Write, FileShare.Read, bufferSize: 0);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"'{path}' can't be written: {e.Message}", e);
        }

        _json = new Utf8JsonWriter(_line);
    }

    /// <exception cref="UserException">The disk is full, or refuses otherwise.</exception>
    public void Append(in StepMetrics step)
    {
        _json.WriteStartObject();
        _json.WriteNumber("step"u8, step.Step);
        _json.WriteNumber("tokens"u8, step.Tokens);
        WriteFigure("loss"u8, step.Loss);
        WriteFigure("grad_norm"u8, step.GradNorm);
        WriteFigure("lr"u8, step.LearningRate);
        WriteFigure("ms"u8, step.Milliseconds);
        WriteFigure("tokens_per_s"u8, step.TokensPerSecond);
        if (step.Skipped)
        {
            _json.WriteBoolean("skipped"u8, true);
        }

        EndLine();
    }

    /// <exception cref="UserException">The disk is full, or refuses otherwise.</exception>
    public void Append(in EvaluationMetrics evaluation)
    {
        _json.WriteStartObject();
        _json.WriteNumber("step"u8, evaluation.Step);
        _json.WriteString("split"u8, evaluation.Split);
        WriteFigure("loss"u8, evaluation.Loss);
        WriteFigure("ppl"u8, evaluation.Perplexity);
        WriteFigure("bpb"u8, evaluation.BitsPerByte);
        WriteFigure("loss_doc_mean"u8, evaluation.LossDocMean);
        _json.WriteNumber("tokens"u8, evaluation.Tokens);
        WriteFigure("accuracy"u8, evaluation.Accuracy);
        WriteFigure("exact_match"u8, evaluation.ExactMatch);
        EndLine();
    }

    public void Dispose()
    {
        _json.Dispose();
        _file.Dispose();
    }

    private void WriteFigure(ReadOnlySpan<byte> name, double value)
    {
        if (double.IsFinite(value))
        {
            _json.WriteNumber(name, value);
        }
        else
        {
            _json.WriteNull(name);
        }
    }

    private void EndLine()
    {
        _json.WriteEndObject();
        _json.Flush();
        _line.Write("\n"u8);
        try
        {
            _file.Write(_line.WrittenSpan);
        }
        catch (IOException e)
        {
            throw new UserException($"'{_file.Name}' can't be written: {e.Message}", e);
        }
        finally
        {
            _line.ResetWrittenCount();
            _json.Reset();
        }
    }
}
