using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>What a <see cref="LinearCrossEntropyGradient"/> gives from (x, w, targets, upstream, C), but C + dw in the place of dw.</summary>
public sealed record LinearCrossEntropyGradientAdd(LinearCrossEntropyGradient Computed) : AddingOp(Computed, Addend: 4, Computed.WeightAt!.Value);
