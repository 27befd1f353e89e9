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
    /// the rows: two plans give the line, and plans near its end settle the rest.
    /// </summary>
    public static int LargestBatch(Recipe recipe, int windows, DeviceChoice device, long bytes)
    {
        long Peak(int rows) => Create(recipe, rows, windows, device).Memory.Peak;

        var (one, three) = (Peak(1), Peak(3));
        if (one > bytes)
        {
            return 0;
        }

        var perRow = Math.Max(1, (three - one) / 2);
        var rows = (int)Math.Clamp(1 + (bytes - one) / perRow, 1, 1 << 20);
        while (rows > 1 && Peak(rows) > bytes)
        {
            rows--;
        }

        while (Peak(rows + 1) <= bytes)
        {
            rows++;
        }

        return rows;
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
        return new MemoryReport(
            Environment.WorkingSet - device.ScratchBytes,
            parameters,
            device.VariableBytes - parameters - carry,
            carry,
            device.ArenaBytes,
            device.ScratchBytes + device.Programs.Sum(p => p.Plan.InputOutputBytes) + Sgemm.ScratchBytes(device.Team.Size));
    }
}
