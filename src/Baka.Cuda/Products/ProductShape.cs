using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Products;

/// <summary>
/// All that the choice of an algorithm for a product depends on: D[m, n] = (C +) A[m, k] · B[k, n], with D row-major, once or
/// for every matrix of a batch. Products of equal shape share what is prepared for them.
/// </summary>
/// <param name="A">The left operand; <see cref="Operand.Transposed"/> tells whether it lies transposed in memory.</param>
/// <param name="Accumulate">Whether there is a C, which lies as D does.</param>
/// <param name="SwapsOperands">Whether A and B have changed places, since D's columns are contiguous and not its rows.</param>
/// <param name="FastTf32">Whether f32 operands may be rounded for the tensor cores.</param>
internal readonly record struct ProductShape(Operand A, Operand B, Operand D, bool Accumulate, bool SwapsOperands, bool FastTf32)
{
    public int M => D.Rows;

    public int N => D.Columns;

    public int K => A.Transposed ? A.Rows : A.Columns;

    public long Flops => 2L * D.Batch * M * N * K;

    /// <exception cref="ArgumentException">The operands do not fit together or have elements that can't be multiplied.</exception>
    public static ProductShape Of(Product product, bool fastTf32)
    {
        var a = Flipped(Operand.Of(product.A), product.TransposeA);
        var b = Flipped(Operand.Of(product.B), product.TransposeB);
        var d = Operand.Of(product.D);
        if (product.C is { } addend)
        {
            var c = Operand.Of(addend);
            if (!addend.LiesAs(product.D))
            {
                throw new ArgumentException($"A product is not added to {Text(c)} in {Text(d)}.");
            }

            d = d with { Alignment = Math.Min(c.Alignment, d.Alignment) };
        }

        // Dᵀ = op(B)ᵀ · op(A)ᵀ
        var swaps = d.Transposed;
        if (swaps)
        {
            (a, b, d) = (Flipped(b, true), Flipped(a, true), Flipped(d, true));
        }

        var shape = new ProductShape(a, b, d, product.C is not null, swaps, fastTf32 && a.Type == Element.Float32);
        return shape.Fits && shape.CanMultiply ? shape : throw new ArgumentException($"There is no product {shape}.");
    }

    private bool Fits => A.Batch == D.Batch && B.Batch == D.Batch && (A.Transposed ? A.Columns : A.Rows) == M && (B.Transposed ? B.Rows : B.Columns) == N && (B.Transposed ? B.Columns : B.Rows) == K;

    private bool CanMultiply =>
        A.Type == B.Type && A.Type is Element.Float32 or Element.BFloat16 && (D.Type == Element.Float32 || D.Type == A.Type);

    /// <summary>The name of the shape in caches; an operand is such as <c>bf16:T:768x512/512@256</c> with type, order, rows by columns, stride and alignment; batches add number and stride.</summary>
    public override string ToString() => $"{Text(A)},{Text(B)},{Text(D)}{(Accumulate ? ",accumulate" : "")}{(FastTf32 ? ",tf32" : "")}";

    private static Operand Flipped(Operand operand, bool flip) => operand with { Transposed = operand.Transposed ^ flip };

    private static string Text(Operand x) => $"{Kernel.TypeName(x.Type)}:{(x.Transposed ? 'T' : 'N')}:{x.Rows}x{x.Columns}/{x.Stride}@{x.Alignment}{(x.Batch > 1 ? $"*{x.Batch}/{x.BatchStride}" : "")}";
}
