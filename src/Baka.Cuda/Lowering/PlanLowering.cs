using Baka.Compiler.Plans;

namespace Baka.Cuda.Lowering;

/// <summary>
/// Puts what a GPU does for steps in their order. Of neighbors that do not depend on each other, those that run the
/// same function become one launch: the update of all parameters is a few launches, not one for each.
/// </summary>
internal static class PlanLowering
{
    /// <param name="steps">With the operations of each. Their storages have their places.</param>
    public static IReadOnlyList<LoweredStep> Join(IEnumerable<LoweredStep> steps)
    {
        var lowered = new List<LoweredStep>();
        var run = new List<(Step Step, BlockLaunch Launch)>();
        var touched = new TouchedMemory();
        foreach (var single in steps)
        {
            if (single is not { Steps: [var step], Operations: [BlockLaunch launch] })
            {
                EndRun();
                lowered.Add(single);
                continue;
            }

            if (!touched.TryAdd(step))
            {
                EndRun();
                touched.TryAdd(step);
            }

            run.Add((step, launch));
        }

        EndRun();
        return lowered;

        void EndRun()
        {
            lowered.AddRange(run.GroupBy(r => (r.Launch.Function, r.Step.Kind, r.Step.Module)).Select(alike => new LoweredStep(
                [.. alike.Select(r => r.Step)], LaunchTable.Join([.. alike.Select(r => r.Launch)]))));
            run.Clear();
            touched = new TouchedMemory();
        }
    }
}
