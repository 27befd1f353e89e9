using Baka.Compiler.Fusion;
using Baka.Compiler.Plans;
using Baka.Cpu.Execution;
using Baka.Cpu.Gemm;
using Baka.Data;
using Baka.Model;
using Baka.Model.Programs;
using Baka.Model.Recipes;
using Baka.Training.Devices;

namespace Baka.Training.Planning;

/// <summary>Compiles training steps without running them, to tell what they would take.</summary>
public static class PlanRun
{
    // What a process grows by when the kernels run for the first time and are compiled, which a plan doesn't do: 18 to
    // 29 MB, measured as the resident peak of 'baka bench' less all else, for the presets tiny and small.
    private const long KernelCode = 22_000_000;

    /// <summary>Compiles one training step of a recipe.</summary>
    /// <exception cref="UserException">The device cannot be planned for.</exception>
    public static PlanReport Create(Recipe recipe, int rows, int windows, DeviceChoice device)
    {
        RequirePlannable(device);
        using var cpu = new CpuDevice(device.Threads, MemoryUse.Reserved);
        var model = new LanguageModel(recipe.Model);
        using var program = TrainingProgram.Create(cpu, model, recipe.Train, rows, windows);
        foreach (var loaded in cpu.Programs)
        {
            loaded.Prepare();
        }

        return new PlanReport(
            rows,
            windows,
            rows * windows * recipe.Model.Window,
            model.Parameters.Sum(p => p.Shape.Count),
            Group(cpu.Programs.SelectMany(p => p.Plan.Steps)),
            Memory(cpu, model, rows));
    }

    /// <summary>
    /// The most rows whose predicted peak stays within a limit, 0 where not even one does. Memory is all but linear in
    /// the rows, so each plan tells nearly where the limit is met, and few are needed.
    /// </summary>
    public static int LargestBatch(Recipe recipe, int windows, DeviceChoice device, long bytes)
    {
        var one = Create(recipe, 1, windows, device).Memory;

        // What the process holds besides does not depend on the rows: it is measured once.
        long Peak(int rows) => (Create(recipe, rows, windows, device).Memory with { Runtime = one.Runtime }).Peak;

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

        return fits;
    }

    private static void RequirePlannable(DeviceChoice device)
    {
        if (device.Name != "cpu")
        {
            throw new UserException($"Only the device 'cpu' can be planned for, not '{device.Name}'.");
        }
    }

    private static List<KernelGroup> Group(IEnumerable<Step> steps) =>
        [.. steps.GroupBy(Kind)
            .Select(g => new KernelGroup(g.Key, g.Count(), g.Sum(s => s.Flops), g.Sum(s => s.Bytes)))
            .OrderByDescending(g => g.Flops).ThenByDescending(g => g.Bytes)];

    private static string Kind(Step step) => step.Op is FusedElementwise ? "Elementwise" : step.Op.Kind;

    private static MemoryReport Memory(CpuDevice device, LanguageModel model, int rows)
    {
        var parameters = model.Parameters.Sum(p => p.Shape.Count) * sizeof(float);
        var carry = model.Carry(rows).Sum(c => c.Shape.Count) * sizeof(float);

        // As training does before its first step.
        ManagedMemory.Release();
        return new MemoryReport(
            Environment.WorkingSet - device.ScratchBytes + KernelCode,
            parameters,
            device.VariableBytes - parameters - carry,
            carry,
            device.ArenaBytes,
            device.ScratchBytes + device.Programs.Sum(p => p.Plan.InputOutputBytes) + Sgemm.ScratchBytes(device.Team.Size));
    }
}
