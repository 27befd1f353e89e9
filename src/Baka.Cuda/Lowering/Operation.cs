using Baka.Compiler.Plans;

namespace Baka.Cuda.Lowering;

/// <summary>Something a GPU does on its stream. Operands are views: addresses are known only when memory is taken.</summary>
internal abstract record Operation;

/// <summary>Runs a kernel.</summary>
/// <param name="SharedBytes">Dynamic shared memory of a block.</param>
/// <param name="Arguments">In the order of the kernel's parameters.</param>
internal record Launch(Kernel Kernel, Grid Grid, int Threads, int SharedBytes, IReadOnlyList<Argument> Arguments) : Operation;

/// <summary>
/// D = op(A)·op(B), or C + op(A)·op(B) where there is a C: D itself, or another that lies as D does. A, B and D are
/// row-major matrices whose rows may lie apart from each other, or batches of such matrices; sums are f32.
/// </summary>
internal sealed record Product(View A, bool TransposeA, View B, bool TransposeB, View D, View? C = null) : Operation;

/// <summary>Sets whole storage behind a dense view to zero bits.</summary>
internal sealed record Clear(View Target) : Operation;

/// <summary>Number of blocks along each axis.</summary>
internal readonly record struct Grid(int X, int Y = 1, int Z = 1);
