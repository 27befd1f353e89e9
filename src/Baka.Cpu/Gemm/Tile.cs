using System.Runtime.CompilerServices;

namespace Baka.Cpu.Gemm;

/// <summary>The height of a register tile as a type, so that the JIT compiles one kernel for each height.</summary>
internal interface ITileHeight
{
    static abstract int Rows { get; }
}

/// <summary>
/// The innermost kernel: a tile of C, up to 12 rows by 2 vectors, held in registers while it runs through the depth.
/// Rows beyond <typeparamref name="THeight"/> fold away when the JIT specializes the method.
/// </summary>
internal static unsafe class Tile<TSimd, TVector, THeight>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
    where THeight : struct, ITileHeight
{
    /// <summary>C [rows, 2·width] = (accumulate ? C : 0) + A [rows, depth] · B [depth, 2·width].</summary>
    /// <param name="a">A packed column by column: the <c>rows</c> values of one depth step lie together.</param>
    /// <param name="b">Rows of B, <paramref name="bStride"/> floats apart.</param>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    public static void Multiply(nint depth, float* a, float* b, nint bStride, float* c, nint cStride, bool accumulate)
    {
        TVector l0 = TSimd.Zero, r0 = TSimd.Zero;
        TVector l1 = TSimd.Zero, r1 = TSimd.Zero;
        TVector l2 = TSimd.Zero, r2 = TSimd.Zero;
        TVector l3 = TSimd.Zero, r3 = TSimd.Zero;
        TVector l4 = TSimd.Zero, r4 = TSimd.Zero;
        TVector l5 = TSimd.Zero, r5 = TSimd.Zero;
        TVector l6 = TSimd.Zero, r6 = TSimd.Zero;
        TVector l7 = TSimd.Zero, r7 = TSimd.Zero;
        TVector l8 = TSimd.Zero, r8 = TSimd.Zero;
        TVector l9 = TSimd.Zero, r9 = TSimd.Zero;
        TVector l10 = TSimd.Zero, r10 = TSimd.Zero;
        TVector l11 = TSimd.Zero, r11 = TSimd.Zero;

        // C is touched only at the end, all at once: its lines come while the registers work.
        var row = c;
        for (var i = 0; i < THeight.Rows; i++, row += cStride)
        {
            Cache.Prefetch(row);
            Cache.Prefetch(row + TSimd.Width);
        }

        for (; depth > 0; depth--)
        {
            var left = TSimd.Load(b);
            var right = TSimd.Load(b + TSimd.Width);
            var x = TSimd.Broadcast(a[0]);
            l0 = TSimd.MultiplyAdd(x, left, l0);
            r0 = TSimd.MultiplyAdd(x, right, r0);
            if (THeight.Rows > 1)
            {
                x = TSimd.Broadcast(a[1]);
                l1 = TSimd.MultiplyAdd(x, left, l1);
                r1 = TSimd.MultiplyAdd(x, right, r1);
            }

            if (THeight.Rows > 2)
            {
                x = TSimd.Broadcast(a[2]);
                l2 = TSimd.MultiplyAdd(x, left, l2);
                r2 = TSimd.MultiplyAdd(x, right, r2);
            }

            if (THeight.Rows > 3)
            {
                x = TSimd.Broadcast(a[3]);
                l3 = TSimd.MultiplyAdd(x, left, l3);
                r3 = TSimd.MultiplyAdd(x, right, r3);
            }

            if (THeight.Rows > 4)
            {
                x = TSimd.Broadcast(a[4]);
                l4 = TSimd.MultiplyAdd(x, left, l4);
                r4 = TSimd.MultiplyAdd(x, right, r4);
            }

            if (THeight.Rows > 5)
            {
                x = TSimd.Broadcast(a[5]);
                l5 = TSimd.MultiplyAdd(x, left, l5);
                r5 = TSimd.MultiplyAdd(x, right, r5);
            }

            if (THeight.Rows > 6)
            {
                x = TSimd.Broadcast(a[6]);
                l6 = TSimd.MultiplyAdd(x, left, l6);
                r6 = TSimd.MultiplyAdd(x, right, r6);
            }

            if (THeight.Rows > 7)
            {
                x = TSimd.Broadcast(a[7]);
                l7 = TSimd.MultiplyAdd(x, left, l7);
                r7 = TSimd.MultiplyAdd(x, right, r7);
            }

            if (THeight.Rows > 8)
            {
                x = TSimd.Broadcast(a[8]);
                l8 = TSimd.MultiplyAdd(x, left, l8);
                r8 = TSimd.MultiplyAdd(x, right, r8);
            }

            if (THeight.Rows > 9)
            {
                x = TSimd.Broadcast(a[9]);
                l9 = TSimd.MultiplyAdd(x, left, l9);
                r9 = TSimd.MultiplyAdd(x, right, r9);
            }

            if (THeight.Rows > 10)
            {
                x = TSimd.Broadcast(a[10]);
                l10 = TSimd.MultiplyAdd(x, left, l10);
                r10 = TSimd.MultiplyAdd(x, right, r10);
            }

            if (THeight.Rows > 11)
            {
                x = TSimd.Broadcast(a[11]);
                l11 = TSimd.MultiplyAdd(x, left, l11);
                r11 = TSimd.MultiplyAdd(x, right, r11);
            }

            a += THeight.Rows;
            b += bStride;
        }

        Write(l0, r0, c, accumulate);
        if (THeight.Rows > 1) Write(l1, r1, c += cStride, accumulate);
        if (THeight.Rows > 2) Write(l2, r2, c += cStride, accumulate);
        if (THeight.Rows > 3) Write(l3, r3, c += cStride, accumulate);
        if (THeight.Rows > 4) Write(l4, r4, c += cStride, accumulate);
        if (THeight.Rows > 5) Write(l5, r5, c += cStride, accumulate);
        if (THeight.Rows > 6) Write(l6, r6, c += cStride, accumulate);
        if (THeight.Rows > 7) Write(l7, r7, c += cStride, accumulate);
        if (THeight.Rows > 8) Write(l8, r8, c += cStride, accumulate);
        if (THeight.Rows > 9) Write(l9, r9, c += cStride, accumulate);
        if (THeight.Rows > 10) Write(l10, r10, c += cStride, accumulate);
        if (THeight.Rows > 11) Write(l11, r11, c += cStride, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write(TVector left, TVector right, float* c, bool accumulate)
    {
        if (accumulate)
        {
            left = TSimd.Add(left, TSimd.Load(c));
            right = TSimd.Add(right, TSimd.Load(c + TSimd.Width));
        }

        TSimd.Store(left, c);
        TSimd.Store(right, c + TSimd.Width);
    }
}
