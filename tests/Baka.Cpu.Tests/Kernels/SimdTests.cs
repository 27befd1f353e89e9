using System.Runtime.Intrinsics;
using Baka.Cpu.Kernels;

namespace Baka.Cpu.Tests.Kernels;

public sealed unsafe class SimdTests
{
    [Fact]
    public void The_exponential_is_within_two_units_in_the_last_place_below_zero_and_zero_far_below()
    {
        Check<Simd512, Vector512<float>>();
        Check<Simd256, Vector256<float>>();
        Check<Simd128, Vector128<float>>();
    }

    [Fact]
    public void The_loops_equal_their_definition_at_every_length()
    {
        Loops<Simd512, Vector512<float>>();
        Loops<Simd256, Vector256<float>>();
        Loops<Simd128, Vector128<float>>();
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(4, 4)]
    [InlineData(7, 9)]
    [InlineData(33, 18)]
    public void Transposition_exchanges_rows_and_columns(int rows, int columns)
    {
        var from = TestMemory.Random(new Random(1), rows * (columns + 2));
        var to = new TestMemory(columns * (rows + 3));
        Transposition.Copy(from.Pointer, columns + 2, rows, columns, to.Pointer, rows + 3);
        for (var i = 0; i < columns * (rows + 3); i++)
        {
            var (column, row) = Math.DivRem(i, rows + 3);
            Assert.Equal(row < rows ? from.Data[row * (columns + 2) + column] : float.NaN, to.Data[i]);
        }
    }

    private static void Check<S, V>()
        where S : struct, ISimd<V>
        where V : struct
    {
        var lanes = stackalloc float[16];
        for (var x = -86.9f; x <= 0.5f; x += 0.00317f)
        {
            S.Store(Simd<S, V>.Exp(S.Create(x)), lanes);
            var expected = Math.Exp(x);
            Assert.True(Math.Abs(lanes[0] - expected) <= 2 * (MathF.BitIncrement((float)expected) - (float)expected), $"exp({x}) = {lanes[0]}, not {expected}");
        }

        foreach (var (x, expected) in new[] { (0f, 1f), (-88f, 0f), (-1e30f, 0f), (float.NegativeInfinity, 0f), (float.NaN, float.NaN) })
        {
            S.Store(Simd<S, V>.Exp(S.Create(x)), lanes);
            Assert.Equal(expected, lanes[S.Count - 1]);
        }
    }

    private static void Loops<S, V>()
        where S : struct, ISimd<V>
        where V : struct
    {
        var random = new Random(2);
        for (var n = 1; n < 80; n++)
        {
            var (x, y) = (TestMemory.Random(random, n), TestMemory.Random(random, n));
            var (a, b) = (x.Data.ToDoubles(), y.Data.ToDoubles());
            Close.Assert([a.Zip(b, (p, q) => p * q).Sum()], [Simd<S, V>.Dot(x.Pointer, y.Pointer, n)], 1e-6 * n, "dot");
            Close.Assert([a.Sum()], [Simd<S, V>.Sum(x.Pointer, n)], 1e-6 * n, "sum");
            Assert.Equal(x.Data.Max(), Simd<S, V>.Max(x.Pointer, n));
            Simd<S, V>.AddScaled(0.5f, x.Pointer, y.Pointer, n);
            Close.Assert([.. a.Zip(b, (p, q) => q + 0.5 * p)], y.Data.ToDoubles(), 1e-6, "add scaled");
            Simd<S, V>.Scale(-3f, y.Pointer, n);
            Close.Assert([.. a.Zip(b, (p, q) => -3 * (q + 0.5 * p))], y.Data.ToDoubles(), 1e-6, "scale");
            var sum = Simd<S, V>.ExpAndSum(x.Pointer, (float)a.Max(), n);
            Close.Assert([.. a.Select(p => Math.Exp(p - a.Max()))], x.Data.ToDoubles(), 1e-6, "exp");
            Close.Assert([a.Sum(p => Math.Exp(p - a.Max()))], [sum], 1e-6, "sum of exp");
        }
    }
}
