using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>D = C + op(A) · op(B) for every matrix of a batch, from (A, B, C).</summary>
public sealed record BatchMatMulAdd(bool TransposeA, bool TransposeB) : AddingOp(new BatchMatMul(TransposeA, TransposeB), Addend: 2, Sum: 0)
{
    public BatchMatMul Product => (BatchMatMul)Inner;
}
