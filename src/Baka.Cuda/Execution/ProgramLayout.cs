using Baka.Compiler.Plans;

namespace Baka.Cuda.Execution;

/// <summary>Where what a program has for itself lies: inputs, then outputs with the smallest first, then constants.</summary>
internal sealed class ProgramLayout(Plan plan)
{
    public StorageLayout Inputs { get; } = new(plan.Inputs.Values);

    public StorageLayout Outputs { get; } = new(plan.Outputs.Values.OrderBy(o => o.Bytes));

    public StorageLayout Constants { get; } = new(plan.Constants);

    public long Bytes => Inputs.Bytes + Outputs.Bytes + Constants.Bytes;
}
