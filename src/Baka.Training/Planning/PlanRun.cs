using Baka.Compiler.Plans;
using Baka.Data;
using Baka.Model;
using Baka.Model.Programs;
using Baka.Model.Recipes;
using Baka.Training.Devices;
using Baka.Training.Models;

namespace Baka.Training.Planning;

/// <summary>Compiles training steps without running them, to tell what they would take.</summary>
public static class PlanRun
{
    /// <summary>Compiles one training step of a recipe.</summary>
    /// <param name="device">A GPU need not be there: then an H100 is planned for.</param>
    /// <exception cref="UserException">There is no such device or precision.</exception>
    public static PlanReport Create(Recipe recipe, int rows, int windows, DeviceChoice device)
    {
        using var planned = PlannedDevice.Open(device);
        var model = new LanguageModel(recipe.Model);
        var train = recipe.Train with { Batch = rows };
        var traced = new TrainingStep(model, train, rows, windows);
        using var program = new TrainingProgram(planned.Device, traced);
        return new PlanReport(
            planned.Description,
            rows,
            windows,
            rows * windows * recipe.Model.Window,
            Parameters.Count(model),
            Parameters.Count(traced.Trained),
            Group(planned.Plans.SelectMany((plan, i) => plan.Steps.Select(step => (step, StepPrograms.Runs(traced.RowsPerPass, rows, i))))),
            new MemoryReport(planned.Memory(model, rows)));
    }

    /// <summary>
    /// The most rows whose predicted peak stays within a limit, 0 where not even one pass does. Memory is all but linear
    /// in the rows, so each plan tells nearly where the limit is met, and few are needed.
    /// </summary>
    public static int LargestBatch(Recipe recipe, int windows, DeviceChoice device, long bytes)
    {
        // Where rows are computed some at a time, only whole passes count.
        var unit = recipe.Train.RowsPerPass ?? 1;
        var one = Create(recipe, unit, windows, device).Memory;

        // What the process holds besides does not depend on the rows: it is measured once.
        long Peak(int passes)
        {
            var memory = Create(recipe, passes * unit, windows, device).Memory;
            return memory.Peak - memory.Of(MemoryReport.Runtime) + one.Of(MemoryReport.Runtime);
        }

        var (fits, fitting) = (1, one.Peak);
        if (fitting > bytes)
        {
            return 0;
        }

        var (fails, failing) = (2, Peak(2));
        while (failing <= bytes)
        {
            var slope = Math.Max(1, (failing - fitting) / (fails - fits));
            (fits, fitting) = (fails, failing);
            fails = (int)Math.Min(int.MaxValue / 2, fits + Math.Max(1, (bytes - fitting) / slope + 1));
            failing = Peak(fails);
        }

        while (fails - fits > 1)
        {
            // Between the two where a straight line meets the limit.
            var share = (double)(bytes - fitting) / (failing - fitting);
            var between = Math.Clamp(fits + (int)((fails - fits) * share), fits + 1, fails - 1);
            var peak = Peak(between);
            if (peak <= bytes)
            {
                (fits, fitting) = (between, peak);
            }
            else
            {
                (fails, failing) = (between, peak);
            }
        }

        return fits * unit;
    }

    private static List<KernelGroup> Group(IEnumerable<(Step Step, int Runs)> steps) =>
        [.. steps.GroupBy(s => s.Step.Kind)
            .Select(g => new KernelGroup(g.Key, g.Sum(s => s.Runs), g.Sum(s => s.Runs * s.Step.Flops), g.Sum(s => s.Runs * s.Step.Bytes)))
            .OrderByDescending(g => g.Flops).ThenByDescending(g => g.Bytes)];
}
