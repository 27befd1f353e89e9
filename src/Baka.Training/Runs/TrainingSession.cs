using System.Diagnostics;
using Baka.Data;
using Baka.Data.Streams;
using Baka.Graph.Execution;
using Baka.Model;
using Baka.Model.Programs;
using Baka.Model.Recipes;
using Baka.Training.Checkpoints;
using Baka.Training.Corpora;
using Baka.Training.Devices;
using Baka.Training.Models;
using Baka.Training.Optimization;

namespace Baka.Training.Runs;

/// <summary>
/// The steps of a run and all that they depend on. What it saves and restores is what makes the steps after a
/// resumption equal, bit for bit, those of a run that was never interrupted.
/// </summary>
internal sealed class TrainingSession : IDisposable
{
    private readonly Recipe _recipe;
    private readonly RunCorpora _corpora;
    private readonly TrainingProgram _program;
    private readonly WindowBatch _batch;
    private readonly StagedStream _stream;
    private readonly AutoClip? _autoClip;
    private readonly RunSchedule _schedule;
    private readonly ulong _pauseSeed;
    private readonly Stopwatch _clock = new();
    private TimeSpan _before;
    private long _optimizerSteps;

    public TrainingSession(Recipe recipe, RunCorpora corpora, IDevice device)
    {
        (_recipe, _corpora, Device) = (recipe, corpora, device);
        Model = new LanguageModel(recipe.Model);
        var train = recipe.Train;
        _program = new TrainingProgram(device, PassSize.Decide(device, Model, train));
        _batch = new WindowBatch(train.Batch, train.WindowsPerStep, recipe.Model.Window);
        _stream = new StagedStream(corpora.Stages, _batch, (ulong)train.Seed);
        _autoClip = train.Clip.Percentile is { } percentile ? new AutoClip(percentile) : null;
        _schedule = new RunSchedule(train);
        _pauseSeed = Rng.ForName((ulong)train.Seed, "pauses").NextUInt64();
        Guard = new NonFiniteGuard(train.StopAfterBad);
    }

    public IDevice Device { get; }

    public LanguageModel Model { get; }

    /// <summary>Steps done, skipped ones included.</summary>
    public long Step { get; private set; }

    /// <summary>Tokens predicted so far.</summary>
    public long TokensSeen { get; private set; }

    public NonFiniteGuard Guard { get; }

    /// <summary>The lowest validation loss so far.</summary>
    public double? BestLoss { get; set; }

    public bool IsOver => _schedule.IsOver(Step, Elapsed);

    public TrainProgress Progress => _schedule.Progress(Step, Elapsed, _stream.Epoch);

    private TimeSpan Elapsed => _before + _clock.Elapsed;

    private IReadOnlyList<VariableValue> Moments
    {
        get
        {
            var shapes = Device.Variables;
            return [.. _program.OptimizerVariables.Select(name => new VariableValue(name, shapes[name]))];
        }
    }

    private IReadOnlyList<VariableValue> Carry => [.. Model.Carry(_recipe.Train.Batch).Select(c => new VariableValue(c.Name, c.Shape))];

    /// <summary>Time counts from now on.</summary>
    public void StartClock() => _clock.Start();

    /// <summary>Makes one step.</summary>
    public StepMetrics Advance()
    {
        var start = Stopwatch.GetTimestamp();
        var accumulate = _recipe.Train.Accumulate;
        for (var pass = 0; pass < accumulate; pass++)
        {
            _stream.Next(_batch, Step);
            var pauses = new SplitMix64(_pauseSeed + (ulong)(Step * accumulate + pass)).Next();
            _program.SetBatch(_batch.Tokens, _batch.Targets, _batch.DocumentWindow, pauses);
            if (pass < accumulate - 1)
            {
                _program.Accumulate();
            }
        }

        var rate = _schedule.LearningRate(Step, Elapsed);
        var clip = Math.Min(_recipe.Train.Clip.Norm ?? double.PositiveInfinity, _autoClip?.Threshold ?? double.PositiveInfinity);
        var result = _program.Run(new StepSettings(rate, clip, (int)_optimizerSteps + 1));
        Step++;
        TokensSeen += result.Tokens;
        if (Guard.Observe(result.Loss, result.GradientNorm))
        {
            _optimizerSteps++;
        }

        _autoClip?.Observe(result.GradientNorm);
        var elapsed = Stopwatch.GetElapsedTime(start);
        return new StepMetrics(
            Step, TokensSeen, result.Loss, result.GradientNorm, rate, elapsed.TotalMilliseconds, result.Tokens / elapsed.TotalSeconds, result.Skipped);
    }

    public CheckpointState State() => new()
    {
        Step = Step,
        Epoch = _stream.Epoch,
        TokensSeen = TokensSeen,
        OptimizerSteps = _optimizerSteps,
        BestValidationLoss = BestLoss,
        SkippedSteps = Guard.Skipped,
        SkippedInARow = Guard.SkippedInARow,
        AutoClipHistory = _autoClip?.History() ?? [],
        DataPosition = new DataPosition(_corpora.Fingerprint, _stream.Save()).ToJson(),
        WallSeconds = Elapsed.TotalSeconds,
    };

    public IReadOnlyList<CheckpointFile> Files()
    {
        var (parameters, moments, carry) = (Parameters.Of(Model), Moments, Carry);
        var buffer = VariableValue.NewBuffer([.. parameters, .. moments, .. carry]);
        return
        [
            CheckpointFile.Tensors(CheckpointFiles.Model, VariableValue.Sources(Device, parameters, buffer)),
            CheckpointFile.Tensors(CheckpointFiles.Optimizer, VariableValue.Sources(Device, moments, buffer)),
            CheckpointFile.Tensors(CheckpointFiles.Carry, VariableValue.Sources(Device, carry, buffer)),
            CheckpointFile.Text(CheckpointFiles.Recipe, _recipe.ToYaml()),
            new CheckpointFile(CheckpointFiles.Tokenizer, _corpora.Tokenizer.Save),
        ];
    }

    /// <exception cref="UserException">The checkpoint is of another model, or was reached on other texts.</exception>
    public void Restore(CheckpointReader checkpoint)
    {
        var state = checkpoint.State;
        var position = DataPosition.Parse(state.DataPosition, checkpoint.Folder);
        if (position.Texts != _corpora.Fingerprint)
        {
            throw new UserException(
                $"The texts are not those that '{checkpoint.Folder}' was trained on, so its run can't be continued exactly: bring the same texts back, or begin a new run with --init-from.");
        }

        _stream.Restore(position.Stream, state.Step);
        Parameters.Load(Device, Model, checkpoint);
        Load(CheckpointFiles.Optimizer, Moments, checkpoint);
        Load(CheckpointFiles.Carry, Carry, checkpoint);
        (Step, TokensSeen, _optimizerSteps, BestLoss) = (state.Step, state.TokensSeen, state.OptimizerSteps, state.BestValidationLoss);
        Guard.Restore(state.SkippedSteps, state.SkippedInARow);
        _autoClip?.Restore(state.AutoClipHistory);
        _before = TimeSpan.FromSeconds(state.WallSeconds);
    }

    public void Dispose() => _program.Dispose();

    private void Load(string file, IReadOnlyList<VariableValue> variables, CheckpointReader checkpoint)
    {
        using var tensors = checkpoint.OpenTensors(file);
        VariableValue.Load(Device, variables, tensors, checkpoint.Folder);
    }
}
