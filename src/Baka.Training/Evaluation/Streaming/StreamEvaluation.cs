using System.Diagnostics;
using Baka.Cuda.Execution;
using Baka.Data;
using Baka.Data.Shards;
using Baka.Data.Streams;
using Baka.Graph.Execution;
using Baka.Training.Devices;
using Baka.Training.Models;

namespace Baka.Training.Evaluation.Streaming;

/// <summary>
/// Reads all documents as one text, however long, and watches loss and memory on the way. Nothing of it grows with the
/// text: losses are added up in buckets that double, and samples are as far apart as the text is long.
/// </summary>
public sealed class StreamEvaluation
{
    /// <summary>Most samples that are taken.</summary>
    public const int MostSamples = 512;

    private const int WarmUpShare = 10;

    private readonly IDevice _device;
    private readonly long _distance;
    private readonly LossMeter _meter = new(rows: 1);
    private readonly List<StreamSample> _samples = new(MostSamples);
    private readonly Stopwatch _time = new();
    private TimeSpan _sampledAt;
    private long _position;
    private double _loss;
    private long _tokens;

    /// <param name="total">Tokens to predict.</param>
    /// <param name="step">Tokens that are read at once: samples are taken between steps.</param>
    private StreamEvaluation(IDevice device, long total, int step)
    {
        _device = device;
        var share = (total + MostSamples - 1) / MostSamples;
        _distance = (share + step - 1) / step * step;
    }

    /// <param name="model">What reads.</param>
    /// <param name="corpus">In the model's tokens.</param>
    /// <param name="limit">Most tokens to predict; null for all.</param>
    /// <param name="progress">Told the share done.</param>
    /// <param name="stop">Ends the reading early; what was measured is reported.</param>
    /// <exception cref="UserException">There is nothing to predict.</exception>
    /// <exception cref="OperationCanceledException">Nothing was measured before the stop.</exception>
    public static StreamReport Run(LoadedModel model, TokenCorpus corpus, long? limit = null, IProgress<double>? progress = null, CancellationToken stop = default)
    {
        var text = corpus.Joined();
        var total = Math.Min(limit ?? long.MaxValue, text.TokenCount - 1);
        using var evaluation = new WindowEvaluation(model.Device, model.Model, rows: 1, model.Recipe.Train.WindowsPerStep);
        var stream = new StreamEvaluation(model.Device, total, evaluation.TokensPerStep);
        ManagedMemory.Release();
        stream._time.Start();
        var interrupted = false;
        try
        {
            evaluation.Visit(text, total, memory: true, stream.Visit, progress, stop);
        }
        catch (OperationCanceledException) when (stream._position > 0)
        {
            interrupted = true;
        }

        stream.End();
        stream._meter.AddBytes(text.CountTextBytes(new DocumentSpan(0, stream._position + 1), model.Tokenizer));
        return new StreamReport(
            corpus.DocumentCount, stream._meter.Report(), stream._time.Elapsed.TotalSeconds, interrupted, total / WarmUpShare, stream._samples);
    }

    private void Visit(in PredictedToken token)
    {
        _meter.Add(token.Row, token.Position, token.Nll, token.IsCorrect);
        _position = token.Position;
        _loss += token.Nll;
        if (++_tokens == _distance)
        {
            Sample();
        }
    }

    private void Sample()
    {
        var now = _time.Elapsed;
        var gpu = _device is CudaDevice cuda ? cuda.TotalBytes - cuda.FreeBytes : (long?)null;
        _samples.Add(new StreamSample(_position, _tokens, _loss / _tokens, (now - _sampledAt).TotalSeconds, Environment.WorkingSet, gpu));
        (_sampledAt, _loss, _tokens) = (now, 0, 0);

        // Looking at the process is all that allocates here. Given back at once, it does not show as growth.
        GC.Collect(generation: 0);
    }

    private void End()
    {
        if (_tokens > 0)
        {
            Sample();
        }

        _time.Stop();
    }
}
