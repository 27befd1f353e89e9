using Baka.Data;
using Baka.Data.Streams;
using Baka.Model.Programs;
using Baka.Training.Models;

namespace Baka.Training.Evaluation.Probing;

/// <summary>
/// Tells whether a model uses what it carries: every window is read with the memory of its own document and with others
/// in its place (<see cref="MemoryCondition"/>), and the losses of the same tokens are compared. Each time the windows
/// before were read undisturbed, so a difference is the effect of this one exchange. A document's first window has no
/// memory of anything and is not compared.
/// </summary>
public sealed class MemoryProbe
{
    private static readonly MemoryCondition[] Conditions = Enum.GetValues<MemoryCondition>();

    private readonly LockstepStream _stream;
    private readonly WindowBatch _batch;
    private readonly EvaluationProgram _program;
    private readonly CarriedState _state;
    private readonly TokenDistance[] _distances;
    private readonly ProbeMeter _meter;
    private readonly int[] _sources;
    private readonly int[] _beginning;
    private readonly float[] _nll;
    private readonly float[][] _nllOf;
    private SplitMix64 _random = new(seed: 1);

    private MemoryProbe(LoadedModel model, LockstepStream stream, EvaluationProgram program, string carryPrefix)
    {
        var (rows, window) = (program.Rows, program.Window);
        (_stream, _program) = (stream, program);
        _batch = new WindowBatch(rows, 1, window);
        _state = new CarriedState(model.Device, model.Model.Carry(rows, carryPrefix));
        _distances = [.. Enumerable.Range(0, rows).Select(_ => new TokenDistance(model.Recipe.Model.Vocabulary))];
        _meter = new ProbeMeter(window);
        _sources = new int[rows];
        _beginning = new int[rows];
        _nll = new float[rows * window];
        _nllOf = [.. Conditions.Select(_ => new float[rows * window])];
    }

    /// <param name="model">What is probed.</param>
    /// <param name="corpus">In the model's tokens; documents are compared with one another.</param>
    /// <param name="limit">Most tokens of it to read, chosen as <see cref="EvaluationPlan"/> says; null for all.</param>
    /// <param name="progress">Told the share done.</param>
    /// <param name="stop">Ends the work with <see cref="OperationCanceledException"/>.</param>
    /// <returns>Null if the model carries nothing.</returns>
    /// <exception cref="UserException">There are no two documents with a second window.</exception>
    public static ProbeReport? Run(LoadedModel model, ICorpus corpus, long? limit = null, IProgress<double>? progress = null, CancellationToken stop = default)
    {
        if (model.Model.Carry(rows: 1).Count == 0)
        {
            return null;
        }

        var stream = new LockstepStream(corpus, Math.Max(3, model.Recipe.Eval.Batch), model.Model.Layout.Tokens, limit);
        var carryPrefix = WindowEvaluation.CarryPrefix(stream.Rows);
        using var program = EvaluationProgram.Create(model.Device, model.Model, stream.Rows, windows: 1, carryPrefix);
        return new MemoryProbe(model, stream, program, carryPrefix).Run(progress, stop);
    }

    private ProbeReport Run(IProgress<double>? progress, CancellationToken stop)
    {
        for (var done = 0L; _stream.Next(_batch); progress?.Report((double)++done / _stream.BatchCount))
        {
            stop.ThrowIfCancellationRequested();
            var seed = (ulong)done * (ulong)_batch.Rows;
            var hasPast = _batch.DocumentWindow[0] > 0;
            if (hasPast)
            {
                ReadWithOtherMemories(seed);
            }

            Read(_batch.DocumentWindow, seed, _nll);
            for (var row = 0; row < _stream.ActiveRows; row++)
            {
                if (!hasPast)
                {
                    _distances[row].BeginDocument();
                }

                Visit(row, measure: hasPast);
            }
        }

        return _meter.Report(_stream.DocumentCount);
    }

    private void ReadWithOtherMemories(ulong seed)
    {
        _state.Read();
        foreach (var condition in Conditions)
        {
            ChooseSources(condition);
            _state.Write(_sources);
            Read(condition == MemoryCondition.Absent ? _beginning : _batch.DocumentWindow, seed, _nllOf[(int)condition]);
        }

        _state.Write();
    }

    /// <summary>Decides whose memory each row gets; those without a document keep theirs.</summary>
    private void ChooseSources(MemoryCondition condition)
    {
        for (var row = 0; row < _sources.Length; row++)
        {
            _sources[row] = row;
        }

        var active = _sources.AsSpan(0, _stream.ActiveRows);
        switch (condition)
        {
            case MemoryCondition.Zeroed:
                active.Fill(CarriedState.Zeros);
                break;
            case MemoryCondition.Shuffled:
                ShuffleAll(active);
                break;
            case MemoryCondition.OtherDocument:
                // The neighbor's: rows further down end first, so it is the same for long.
                for (var row = 0; row < active.Length; row++)
                {
                    active[row] = (row + 1) % active.Length;
                }

                break;
        }
    }

    /// <summary>A random order in which nothing stays in its place (Sattolo 1986).</summary>
    private void ShuffleAll(Span<int> items)
    {
        for (var i = items.Length - 1; i > 0; i--)
        {
            var j = _random.Next(i);
            (items[i], items[j]) = (items[j], items[i]);
        }
    }

    private void Read(ReadOnlySpan<int> documentWindow, ulong seed, float[] nll)
    {
        _program.SetBatch(_batch.Tokens, _batch.Targets, documentWindow, seed);
        _program.Run();
        _program.CopyNll(nll);
    }

    private void Visit(int row, bool measure)
    {
        var window = _batch.DocumentWindow[row];
        Span<double> others = stackalloc double[Conditions.Length];
        for (var place = 0; place < _batch.Window; place++)
        {
            var at = row * _batch.Window + place;
            var target = _batch.Targets[at];
            if (target == WindowBatch.NoTarget)
            {
                break;
            }

            _distances[row].Read(_batch.Tokens[at], window);
            if (measure)
            {
                for (var i = 0; i < others.Length; i++)
                {
                    others[i] = _nllOf[i][at];
                }

                _meter.Add(place, _distances[row].Of(target, window), _nll[at], others);
            }
        }

        if (measure)
        {
            _meter.EndWindow();
        }
    }
}
