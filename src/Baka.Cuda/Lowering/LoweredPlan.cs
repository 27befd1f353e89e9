using Baka.Compiler.Plans;

namespace Baka.Cuda.Lowering;

/// <summary>A plan as operations of a GPU.</summary>
/// <param name="Steps">All steps' operations, in order.</param>
/// <param name="Preparations">Operations that bring each of the plan's prepared weights up to date.</param>
/// <param name="Groups">Of rows.</param>
internal sealed record LoweredPlan(
    Plan Plan,
    IReadOnlyList<LoweredStep> Steps,
    IReadOnlyDictionary<PreparedWeight, IReadOnlyList<Operation>> Preparations,
    int Groups)
{
    public IEnumerable<Operation> Operations => Steps.SelectMany(s => s.Operations).Concat(Preparations.Values.SelectMany(o => o));

    public IEnumerable<Kernel> Kernels => Operations.OfType<Launch>().Select(l => l.Kernel).Distinct();
}

/// <summary>What a GPU does for a step of a plan, or for several alike at once.</summary>
internal sealed record LoweredStep(IReadOnlyList<Step> Steps, IReadOnlyList<Operation> Operations);
