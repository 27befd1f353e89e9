using System.Runtime.CompilerServices;

namespace Baka.Cpu.Gemm;

/// <summary>
/// Inner products of a few rows with rows: for C = A · Bᵀ with so few rows of A that packing B would cost more than the
/// product. Every value of B is read once, in the order it lies in memory.
/// </summary>
internal static unsafe class Dots<TSimd, TVector, THeight>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
    where THeight : struct, ITileHeight
{
    private const int Columns = 4;

    /// <summary>C [rows ≤ 4, n] = (accumulate ? C : 0) + A [rows, k] · Bᵀ, with B stored as [n, k].</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(int n, int k, float* a, nint aStride, float* b, nint bStride, float* c, nint cStride, bool accumulate)
    {
        var j = 0;
        for (; j + Columns <= n; j += Columns, b += Columns * bStride, c += Columns)
        {
            TVector x00 = TSimd.Zero, x01 = TSimd.Zero, x02 = TSimd.Zero, x03 = TSimd.Zero;
            TVector x10 = TSimd.Zero, x11 = TSimd.Zero, x12 = TSimd.Zero, x13 = TSimd.Zero;
            TVector x20 = TSimd.Zero, x21 = TSimd.Zero, x22 = TSimd.Zero, x23 = TSimd.Zero;
            TVector x30 = TSimd.Zero, x31 = TSimd.Zero, x32 = TSimd.Zero, x33 = TSimd.Zero;
            var p = 0;
            for (; p + TSimd.Width <= k; p += TSimd.Width)
            {
                var b0 = TSimd.Load(b + p);
                var b1 = TSimd.Load(b + bStride + p);
                var b2 = TSimd.Load(b + 2 * bStride + p);
                var b3 = TSimd.Load(b + 3 * bStride + p);
                var x = TSimd.Load(a + p);
                x00 = TSimd.MultiplyAdd(x, b0, x00);
                x01 = TSimd.MultiplyAdd(x, b1, x01);
                x02 = TSimd.MultiplyAdd(x, b2, x02);
                x03 = TSimd.MultiplyAdd(x, b3, x03);
                if (THeight.Rows > 1)
                {
                    x = TSimd.Load(a + aStride + p);
                    x10 = TSimd.MultiplyAdd(x, b0, x10);
                    x11 = TSimd.MultiplyAdd(x, b1, x11);
                    x12 = TSimd.MultiplyAdd(x, b2, x12);
                    x13 = TSimd.MultiplyAdd(x, b3, x13);
                }

                if (THeight.Rows > 2)
                {
                    x = TSimd.Load(a + 2 * aStride + p);
                    x20 = TSimd.MultiplyAdd(x, b0, x20);
                    x21 = TSimd.MultiplyAdd(x, b1, x21);
                    x22 = TSimd.MultiplyAdd(x, b2, x22);
                    x23 = TSimd.MultiplyAdd(x, b3, x23);
                }

                if (THeight.Rows > 3)
                {
                    x = TSimd.Load(a + 3 * aStride + p);
                    x30 = TSimd.MultiplyAdd(x, b0, x30);
                    x31 = TSimd.MultiplyAdd(x, b1, x31);
                    x32 = TSimd.MultiplyAdd(x, b2, x32);
                    x33 = TSimd.MultiplyAdd(x, b3, x33);
                }
            }

            Write(x00, x01, x02, x03, p, k, a, b, bStride, c, accumulate);
            if (THeight.Rows > 1) Write(x10, x11, x12, x13, p, k, a + aStride, b, bStride, c + cStride, accumulate);
            if (THeight.Rows > 2) Write(x20, x21, x22, x23, p, k, a + 2 * aStride, b, bStride, c + 2 * cStride, accumulate);
            if (THeight.Rows > 3) Write(x30, x31, x32, x33, p, k, a + 3 * aStride, b, bStride, c + 3 * cStride, accumulate);
        }

        for (; j < n; j++, b += bStride, c++)
        {
            for (var i = 0; i < THeight.Rows; i++) WriteOne(TSimd.Zero, 0, k, a + i * aStride, b, c + i * cStride, accumulate);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(
        TVector x0, TVector x1, TVector x2, TVector x3, int done, int k, float* a, float* b, nint bStride, float* c, bool accumulate)
    {
        WriteOne(x0, done, k, a, b, c, accumulate);
        WriteOne(x1, done, k, a, b + bStride, c + 1, accumulate);
        WriteOne(x2, done, k, a, b + 2 * bStride, c + 2, accumulate);
        WriteOne(x3, done, k, a, b + 3 * bStride, c + 3, accumulate);
    }

    /// <summary>Adds the products from <paramref name="done"/> on to the sum of <paramref name="x"/>.</summary>
    private static void WriteOne(TVector x, int done, int k, float* a, float* b, float* c, bool accumulate)
    {
        for (; done + TSimd.Width <= k; done += TSimd.Width) x = TSimd.MultiplyAdd(TSimd.Load(a + done), TSimd.Load(b + done), x);
        var sum = TSimd.Sum(x);
        for (; done < k; done++) sum += a[done] * b[done];
        *c = accumulate ? *c + sum : sum;
    }
}
