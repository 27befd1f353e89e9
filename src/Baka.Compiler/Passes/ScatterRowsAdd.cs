using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>C + the scattered rows, from (x, index, C): see <see cref="ScatterRows"/>.</summary>
public sealed record ScatterRowsAdd(ScatterRows Scatter) : AddingOp(Scatter, Addend: 2, Sum: 0)
{
    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => inputs[0].Shape.Count;
}
