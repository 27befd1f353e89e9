using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>C + dx, and dw where it is wanted, from (x, w, statistics, dy, C): see <see cref="NormBackward"/>. C is the gradient that goes past the norm.</summary>
public sealed record NormBackwardAdd(NormBackward Norm) : AddingOp(Norm, Addend: 4, Sum: 0)
{
    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => base.Flops(inputs, outputs) + inputs[Addend].Shape.Count;
}
