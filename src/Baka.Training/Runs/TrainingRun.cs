using Baka.Cuda.Execution;
using Baka.Data;
using Baka.Data.Corpora;
using Baka.Data.Shards;
using Baka.Data.Streams;
using Baka.Graph.Execution;
using Baka.Graph.Reference;
using Baka.Model.Recipes;
using Baka.Training.Checkpoints;
using Baka.Training.Devices;
using Baka.Training.Evaluation;
using Baka.Training.Generation;
using Baka.Training.Models;

namespace Baka.Training.Runs;

/// <summary>Trains a model: steps, evaluations and checkpoints from the first to the last.</summary>
public sealed class TrainingRun : IDisposable
{
    private const string ValidSplit = "valid";
    private const string MemoryOffSplit = "valid-memory-off";

    private readonly PreparedRun _prepared;
    private readonly TrainingSession _session;
    private readonly RunFolder _folder;
    private readonly CheckpointStore _checkpoints;
    private readonly MetricsLog _log;
    private readonly List<EvaluationMetrics> _evaluations;
    private readonly ITrainObserver _observer;
    private readonly CancellationToken _stop;
    private WindowEvaluation? _evaluation;
    private string? _checkpoint;
    private long _savedStep = -1;
    private bool _isDue;
    private bool _isBest;

    private TrainingRun(PreparedRun prepared, TrainingSession session, RunFolder folder, ITrainObserver observer, CancellationToken stop)
    {
        (_prepared, _session, _folder, _observer, _stop) = (prepared, session, folder, observer, stop);
        _checkpoints = folder.Checkpoints(prepared.Recipe.Train.Keep);
        if (prepared.Resumed is { } resumed)
        {
            MetricsReader.TruncateAfter(folder.MetricsPath, session.Step);
            (_checkpoint, _savedStep) = (resumed.Folder, session.Step);
        }

        _evaluations = [.. MetricsReader.Read(folder.MetricsPath).Evaluations];
        _log = new MetricsLog(folder.MetricsPath);
    }

    /// <summary>Runs a request to its end, or until it is asked to stop.</summary>
    /// <param name="request">What to train.</param>
    /// <param name="observer">Told how it goes.</param>
    /// <param name="stop">Ends the run after the current step, with a checkpoint to resume from.</param>
    /// <exception cref="UserException">Something of the request is missing or does not fit; the disk is full.</exception>
    /// <exception cref="OperationCanceledException">It was asked to stop before training began: there is nothing to resume.</exception>
    public static TrainResult Run(TrainRequest request, ITrainObserver? observer = null, CancellationToken stop = default) =>
        Run(request, observer ?? new NoObserver(), stop, choice => choice.Create());

    internal static TrainResult Run(TrainRequest request, ITrainObserver observer, CancellationToken stop, Func<DeviceChoice, IDevice> createDevice)
    {
        // What can be refused at once is, before texts are read for minutes.
        using var device = createDevice(request.Device with { Precision = request.Device.Precision ?? request.Recipe.Precision });
        if (request.Out is { } chosen)
        {
            RunFolder.RequireFree(chosen);
        }

        using var prepared = PreparedRun.Prepare(request, observer, stop);
        observer.Stage("compiling", null);
        using var session = new TrainingSession(prepared.Recipe, prepared.Corpora, device);
        SetParameters(session, prepared, observer);
        stop.ThrowIfCancellationRequested();
        ManagedMemory.Release();
        using var run = new TrainingRun(prepared, session, OpenFolder(request, prepared, session.Device), observer, stop);
        try
        {
            return run.Train();
        }
        catch (NonFiniteException e)
        {
            throw new UserException($"In step {session.Step + 1}, {e.Message}.", e);
        }
    }

    public void Dispose()
    {
        _evaluation?.Dispose();
        _log.Dispose();
    }

    private static void SetParameters(TrainingSession session, PreparedRun prepared, ITrainObserver observer)
    {
        if (prepared.Resumed is { } resumed)
        {
            session.Restore(resumed);
            return;
        }

        Parameters.Initialize(session.Device, session.Model, (ulong)prepared.Recipe.Train.Seed);
        if (prepared.Initial is { } initial)
        {
            InitialWeights.Load(session.Device, session.Model, initial, observer);
        }
    }

    private static RunFolder OpenFolder(TrainRequest request, PreparedRun prepared, IDevice device)
    {
        var folder = prepared.Resumed is { } resumed ? RunFolder.Open(resumed.Folder)
            : request.Out is { } chosen ? RunFolder.CreateAt(chosen)
            : RunFolder.Create("runs", prepared.Recipe.Name, DateTimeOffset.Now);
        folder.WriteRecipe(prepared.Recipe.ToYaml());
        if (prepared.Resumed is null)
        {
            folder.WriteEnvironment(EnvironmentReport.Collect(request.Device.Threads, request.CommandLine, DateTimeOffset.Now) with
            {
                Gpu = (device as CudaDevice)?.Name,
                Precision = ChoiceName.Of(request.Device.Preferring(prepared.Recipe.Precision).EffectivePrecision),
            });
        }

        return folder;
    }

    private TrainResult Train()
    {
        _observer.Started(Plan());
        _session.StartClock();
        var end = MakeSteps();
        var final = end == TrainEnd.Finished ? Finish() : null;
        if (end == TrainEnd.Finished && final is null)
        {
            end = TrainEnd.Stopped;
        }

        return new TrainResult(
            _folder.Path, end, _session.Step, _session.Guard.Skipped, _checkpoint, LastOf(ValidSplit), _session.BestLoss, ResumeCommand(), final);
    }

    private TrainEnd MakeSteps()
    {
        var train = _prepared.Recipe.Train;
        var longRun = new LongRun(_observer, _session.Device is CudaDevice);
        while (!_session.IsOver)
        {
            if (_stop.IsCancellationRequested)
            {
                Save();
                return TrainEnd.Stopped;
            }

            var step = _session.Advance();
            _log.Append(step);
            _observer.Step(step, _session.Progress);
            longRun.Watch(_session.Progress);
            if (_session.Guard.ShouldStop)
            {
                return TrainEnd.TooManyBadSteps;
            }

            if (IsMultiple(step.Step, train.EvalEvery))
            {
                Validate();
            }

            // Put off while steps go wrong, so that the latest checkpoint comes after a good one.
            _isDue |= IsMultiple(step.Step, train.CheckpointEvery);
            if (_isBest || (_isDue && _session.Guard.SkippedInARow == 0))
            {
                Save();
            }
        }

        return TrainEnd.Finished;
    }

    /// <returns>What is measured at the end; null when the run was asked to stop before it was.</returns>
    private FinalFigures? Finish()
    {
        if (LastOf(ValidSplit)?.Step != _session.Step)
        {
            Validate();
        }

        if (_savedStep != _session.Step || _isBest)
        {
            Save();
        }

        try
        {
            var memoryOff = _session.Model.Carry(1).Count > 0 ? Measure(MemoryOffSplit, memory: false) : default(EvaluationMetrics?);
            var baselines = CountNgrams();
            _observer.Stage("writing a sample", null);
            return new FinalFigures(baselines, memoryOff, SampleWriter.Write(_session.Device, _session.Model, _prepared.Corpora, _stop));
        }
        catch (OperationCanceledException)
        {
            return null;
        }
    }

    /// <returns>Null of a task, whose answers n-grams can't tell.</returns>
    private NgramBaseline? CountNgrams()
    {
        if (_prepared.Corpora is not { Training: TokenCorpus training, Validation: TokenCorpus validation })
        {
            return null;
        }

        _observer.Stage("counting n-grams", null);
        return NgramBaseline.Measure(training, validation, _prepared.Recipe.Model.Vocabulary, _prepared.Recipe.Eval.Tokens);
    }

    private void Validate()
    {
        try
        {
            var figures = Measure(ValidSplit, memory: true);
            if (double.IsFinite(figures.Loss) && !(figures.Loss >= _session.BestLoss))
            {
                _session.BestLoss = figures.Loss;
                _isBest = true;
            }
        }
        catch (OperationCanceledException)
        {
            // The steps end before the next one, and with them the run.
        }
    }

    private EvaluationMetrics Measure(string split, bool memory)
    {
        if (LastOf(split) is { } known && known.Step == _session.Step)
        {
            return known;
        }

        var recipe = _prepared.Recipe;
        var validation = _prepared.Corpora.Validation;
        _evaluation ??= new WindowEvaluation(
            _session.Device, _session.Model, WindowEvaluation.Rows(validation, recipe.Eval.Batch, recipe.Eval.Tokens), recipe.Train.WindowsPerStep);
        var progress = new Progress(_observer, memory ? "evaluating" : "evaluating without memory");
        var report = _evaluation.Measure(validation, _prepared.Corpora.Tokenizer, recipe.Eval.Tokens, memory, progress, _stop);
        var figures = new EvaluationMetrics(_session.Step, split, report.Loss, report.Perplexity, report.BitsPerByte, report.LossDocMean, report.Tokens)
        {
            Accuracy = report.Accuracy,
            ExactMatch = report.ExactMatch,
        };
        _evaluations.Add(figures);
        _log.Append(figures);
        _observer.Evaluated(figures);
        return figures;
    }

    private void Save()
    {
        _checkpoint = _checkpoints.Save(_session.State(), _session.Files(), _isBest);
        _observer.Saved(_checkpoint, _isBest);
        (_savedStep, _isDue, _isBest) = (_session.Step, false, false);
    }

    private EvaluationMetrics? LastOf(string split)
    {
        var last = _evaluations.FindLastIndex(e => e.Split == split);
        return last < 0 ? null : _evaluations[last];
    }

    private RunPlan Plan()
    {
        var (recipe, corpora) = (_prepared.Recipe, _prepared.Corpora);
        var tokens = (long)recipe.Train.Batch * recipe.Train.WindowsPerStep * recipe.Model.Window * recipe.Train.Accumulate;
        return new RunPlan(
            _folder.Path, recipe, Parameters.Count(_session.Model), Parameters.Count(_session.Model.Trained(recipe.Train)),
            corpora.Description, Size(corpora.Training), Size(corpora.Validation)!.Value, tokens, _session.Step);
    }

    private static TextSize? Size(ICorpus corpus) =>
        corpus.DocumentCount is { } documents ? new TextSize(documents, corpus.TokenCount, corpus.TextBytes) : null;

    private string ResumeCommand() => $"baka train --resume {(_folder.Path.Contains(' ') ? $"\"{_folder.Path}\"" : _folder.Path)}";

    private static bool IsMultiple(long step, int every) => every > 0 && step % every == 0;

    private sealed class Progress(ITrainObserver observer, string what) : IProgress<double>
    {
        public void Report(double value) => observer.Stage(what, value);
    }
}
