using Baka.Data.Streams;
using Baka.Training.Corpora;

namespace Baka.Training.Runs;

/// <summary>
/// The windows that training reads: those of each stage's corpus from its first step on. Where a stage begins, every row
/// begins a document.
/// </summary>
internal sealed class StagedStream
{
    private readonly IReadOnlyList<TrainingStage> _stages;
    private readonly WindowBatch _shape;
    private readonly ulong _seed;
    private WindowStream _stream;
    private int _stage;

    /// <param name="shape">A batch such as will be filled.</param>
    public StagedStream(IReadOnlyList<TrainingStage> stages, WindowBatch shape, ulong seed)
    {
        (_stages, _shape, _seed) = (stages, shape, seed);
        _stream = Open(0);
    }

    public int Epoch => _stream.Epoch;

    /// <summary>Fills a batch with the next windows of every row.</summary>
    /// <param name="step">Steps done before.</param>
    public void Next(WindowBatch batch, long step)
    {
        Enter(step);
        _stream.Next(batch);
    }

    public StreamState Save() => _stream.Save();

    /// <param name="steps">Steps done when the state was saved, at least 1.</param>
    /// <exception cref="Data.UserException">The state belongs to another stream.</exception>
    public void Restore(StreamState state, long steps)
    {
        // A stage that begins with the next step has not begun yet.
        Enter(steps - 1);
        _stream.Restore(state);
    }

    private void Enter(long step)
    {
        var stage = _stage;
        while (stage + 1 < _stages.Count && _stages[stage + 1].FirstStep <= step)
        {
            stage++;
        }

        if (stage != _stage)
        {
            (_stage, _stream) = (stage, Open(stage));
        }
    }

    private WindowStream Open(int stage) => WindowStream.ForTraining(_stages[stage].Corpus, _shape.Rows, _shape.WindowsPerStep, _shape.Window, _seed);
}
