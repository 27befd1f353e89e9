using System.Diagnostics;
using Baka.Data;
using Baka.Model;
using Baka.Model.Programs;
using Baka.Model.Recipes;
using Baka.Training.Devices;
using Baka.Training.Models;
using Baka.Training.Optimization;
using Baka.Training.Planning;

namespace Baka.Training.Benchmarks;

/// <summary>Measures training steps on random tokens, as in the middle of long documents.</summary>
public static class BenchRun
{
    private const ulong Seed = 1;
    private const int WarmUp = 2;

    /// <param name="recipe">Of the model.</param>
    /// <param name="train">Its optimizer and the rows of a pass, decided as in training where it has none; batch and windows are those given here.</param>
    /// <param name="rows">B.</param>
    /// <param name="windows">W.</param>
    /// <param name="steps">To measure, after two that do not count.</param>
    /// <param name="device">Not the debugging one.</param>
    /// <param name="breakdown">Whether to take the times of single kernels too, where the device can.</param>
    /// <param name="stop">Ends the work with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="UserException">A number is out of range, or there is no such device.</exception>
    public static BenchReport Run(
        ModelRecipe recipe, TrainRecipe train, int rows, int windows, int steps, DeviceChoice device, bool breakdown = false, CancellationToken stop = default)
    {
        if (rows < 1 || windows < 1 || steps < 1)
        {
            throw new UserException($"There must be at least one row, window and step to measure, not {rows}, {windows} and {steps}.");
        }

        var start = Stopwatch.GetTimestamp();
        using var benched = BenchedDevice.Open(device);
        var opened = Stopwatch.GetElapsedTime(start);
        var model = new LanguageModel(recipe);
        var planned = PassSize.Decide(benched.Device, model, train with { Batch = rows, WindowsPerStep = windows, Accumulate = 1 });
        using var program = new TrainingProgram(benched.Device, planned);
        var compiled = Stopwatch.GetElapsedTime(start);
        Parameters.Initialize(benched.Device, model, Seed);
        ManagedMemory.Release();
        var preparation = new Preparation(opened, compiled - opened, Stopwatch.GetElapsedTime(start) - compiled);

        var batch = new RandomBatch(recipe, rows, windows);
        using var process = Process.GetCurrentProcess();
        var firstStep = TimeSpan.Zero;
        for (var step = 0; step < WarmUp; step++)
        {
            Measure(program, batch, train, step);
            firstStep = step == 0 ? DateTime.Now - process.StartTime : firstStep;
        }

        var times = new double[steps];
        var allocated = GC.GetTotalAllocatedBytes(precise: true);
        for (var step = 0; step < steps; step++)
        {
            stop.ThrowIfCancellationRequested();
            times[step] = Measure(program, batch, train, WarmUp + step);
        }

        allocated = GC.GetTotalAllocatedBytes(precise: true) - allocated;
        process.Refresh();
        var (resident, memory, used) = (process.PeakWorkingSet64, benched.Memory, benched.UsedBytes);
        Array.Sort(times);

        int Runs(int index) => StepPrograms.Runs(planned.RowsPerPass, rows, index);
        var peak = benched.MeasurePeak();
        return new BenchReport(
            benched.Description,
            Parameters.Count(model),
            rows * windows * recipe.Window,
            planned.RowsPerPass,
            steps,
            preparation,
            firstStep,
            (times[steps / 2] + times[(steps - 1) / 2]) / 2,
            benched.Plans.Select((plan, i) => (double)plan.Flops * Runs(i)).Sum(),
            peak * 1e-9,
            resident,
            (double)allocated / steps,
            memory,
            used,
            breakdown ? benched.MeasureKernels(Runs, peak) : null);
    }

    /// <returns>Milliseconds.</returns>
    private static double Measure(TrainingProgram program, RandomBatch batch, TrainRecipe train, int step)
    {
        var start = Stopwatch.GetTimestamp();
        batch.Advance();
        program.SetBatch(batch.Tokens, batch.Targets, batch.DocumentWindow, pauseSeed: (ulong)step);
        program.Run(new StepSettings(train.Optimizer.LearningRate, train.Clip.Norm ?? double.PositiveInfinity, step + 1));
        return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
    }

    private sealed class RandomBatch
    {
        private readonly int _windows;

        public RandomBatch(ModelRecipe recipe, int rows, int windows)
        {
            _windows = windows;
            var rng = new Rng(Seed);
            Tokens = new int[rows * windows * recipe.Window];
            Targets = new int[Tokens.Length];
            for (var i = 0; i < Tokens.Length; i++)
            {
                Tokens[i] = rng.NextInt32(recipe.Vocabulary);
                Targets[i] = rng.NextInt32(recipe.Vocabulary);
            }

            // The windows before the first that is read.
            DocumentWindow = [.. Enumerable.Range(0, rows * windows).Select(i => i % windows - windows)];
        }

        public int[] Tokens { get; }

        public int[] Targets { get; }

        public int[] DocumentWindow { get; }

        /// <summary>Goes on to the documents' next windows.</summary>
        public void Advance()
        {
            for (var i = 0; i < DocumentWindow.Length; i++)
            {
                DocumentWindow[i] += _windows;
            }
        }
    }
}
