using Baka.Compiler.Plans;

namespace Baka.Cuda.Lowering;

/// <summary>
/// Turns steps in their order into what a GPU does. Of neighbors that do not depend on each other, those that run the
/// same function become one launch: the update of all parameters is a few launches, not one for each.
/// </summary>
internal sealed class PlanLowering(StepLowering steps)
{
    public IReadOnlyList<LoweredStep> Lower(IEnumerable<Step> plan)
    {
        var lowered = new List<LoweredStep>();
        var run = new List<(Step Step, BlockLaunch Launch)>();
        var touched = new TouchedMemory();
        foreach (var step in plan)
        {
            var operations = steps.Lower(step);
            if (operations is not [BlockLaunch launch])
            {
                EndRun();
                lowered.Add(new LoweredStep([step], operations));
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
