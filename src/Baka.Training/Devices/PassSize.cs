using Baka.Cuda.Execution;
using Baka.Data;
using Baka.Graph.Execution;
using Baka.Model;
using Baka.Model.Programs;
using Baka.Model.Recipes;

namespace Baka.Training.Devices;

/// <summary>
/// Decides how many rows are computed at a time. The results are the same but for rounding; the memory of activations
/// is all but proportional to it. What a step takes is known before it runs, so that a run that begins has room to the end.
/// </summary>
internal static class PassSize
{
    // What evaluations and samples need besides, and what the driver takes for kernels that it has not met yet.
    private const double Reserve = 0.03;
    private const long ReserveBytes = 300_000_000;

    /// <summary>A recipe's training step with <c>train.rows_per_pass</c> decided. Where that took planning, the device knows the plan.</summary>
    /// <exception cref="UserException">Not even one row fits.</exception>
    public static TrainingStep Decide(IDevice device, LanguageModel model, TrainRecipe train)
    {
        TrainingStep With(int? rowsPerPass) => new(model, train with { RowsPerPass = rowsPerPass }, train.Batch, train.WindowsPerStep);
        if (train.RowsPerPass is not null || device is not CudaDevice cuda)
        {
            return With(train.RowsPerPass);
        }

        var limit = (long)(cuda.FreeBytes * (1 - Reserve)) - ReserveBytes;
        var needed = 0L;
        foreach (var rows in Enumerable.Range(1, train.Batch).Where(r => train.Batch % r == 0).Reverse())
        {
            var step = With(rows);
            using var planner = cuda.CreatePlanner();
            using var program = new TrainingProgram(planner, step);
            needed = planner.Memory.Total;
            if (needed <= limit)
            {
                cuda.TakeOver(planner);
                return step;
            }
        }

        throw new UserException(
            $"The model needs {needed / 1e9:0.0} GB of the GPU's memory with a single row, but {limit / 1e9:0.0} GB are free: make the model or train.windows_per_step smaller, or end other programs that use the GPU.");
    }
}
