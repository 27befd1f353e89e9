namespace Baka.Compiler.Plans;

/// <summary>A compiled graph: kernels in their order and a place in memory for everything.</summary>
/// <param name="Steps">Kernel launches in order.</param>
/// <param name="Inputs">Storages the caller fills, by name.</param>
/// <param name="Outputs">Storages the caller reads, by name.</param>
/// <param name="Constants">Storages with values known now.</param>
/// <param name="Prepared">Copies of parameters that must be up to date before the steps run.</param>
/// <param name="Refreshed">Copies of parameters that the steps make anew together with the parameters.</param>
/// <param name="ArenaBytes">Size of the arena.</param>
public sealed record Plan(
    IReadOnlyList<Step> Steps,
    IReadOnlyDictionary<string, Storage> Inputs,
    IReadOnlyDictionary<string, Storage> Outputs,
    IReadOnlyList<Storage> Constants,
    IReadOnlyList<PreparedWeight> Prepared,
    IReadOnlyList<PreparedWeight> Refreshed,
    long ArenaBytes)
{
    public long InputOutputBytes => Inputs.Values.Concat(Outputs.Values).Concat(Constants).Sum(s => s.Bytes);

    /// <summary>The plan with a place in the arena for all that its steps hand to each other.</summary>
    /// <param name="scratch">What single steps need besides.</param>
    public Plan Placed(params IEnumerable<Storage> scratch) => this with { ArenaBytes = MemoryPlanner.Place(Steps, scratch) };

    public long Flops => Steps.Sum(s => s.Flops);

    public long Bytes => Steps.Sum(s => s.Bytes);
}
