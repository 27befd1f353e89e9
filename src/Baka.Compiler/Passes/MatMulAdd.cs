using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>D = C + op(A) · op(B), from (A, B, C).</summary>
public sealed record MatMulAdd(bool TransposeA, bool TransposeB) : AddingOp(new MatMul(TransposeA, TransposeB), Addend: 2, Sum: 0)
{
    public MatMul Product => (MatMul)Inner;
}
