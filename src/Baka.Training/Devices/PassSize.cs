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

    /// <summary>The recipe with its <c>train.rows_per_pass</c> decided.</summary>
    /// <exception cref="UserException">Not even one row fits.</exception>
    public static TrainRecipe Decide(IDevice device, LanguageModel model, TrainRecipe train)
    {
        if (train.RowsPerPass is not null || device is not CudaDevice cuda)
        {
            return train;
        }

        var limit = (long)(cuda.FreeBytes * (1 - Reserve)) - ReserveBytes;
        var needed = 0L;
        foreach (var rows in Enumerable.Range(1, train.Batch).Where(r => train.Batch % r == 0).Reverse())
        {
            var candidate = train with { RowsPerPass = rows };
            needed = Needed(cuda, model, candidate);
            if (needed <= limit)
            {
                return candidate;
            }
        }

        throw new UserException(
            $"The model needs {needed / 1e9:0.0} GB of the GPU's memory with a single row, but {limit / 1e9:0.0} GB are free: make the model or train.windows_per_step smaller, or end other programs that use the GPU.");
    }

    private static long Needed(CudaDevice cuda, LanguageModel model, TrainRecipe train)
    {
        using var planner = cuda.CreatePlanner();
        using var program = TrainingProgram.Create(planner, model, train, train.Batch, train.WindowsPerStep);
        return planner.Memory.Total;
    }
}
