using System.Runtime.CompilerServices;

namespace Baka.Cpu.Kernels;

/// <summary>Where the rows of the left factor of a <see cref="TileProduct"/> lie; constant, so that it folds into the addresses.</summary>
internal interface ITileLayout
{
    static abstract nint RowStride { get; }
}

/// <summary>The rows at one depth lie side by side: a[p · depthStride + i].</summary>
internal readonly struct Interleaved : ITileLayout
{
    public static nint RowStride => 1;
}

/// <summary>A row-major tile, <see cref="TileProduct.TileWidth"/> wide: a[i · TileWidth + p].</summary>
internal readonly struct RowMajorTile : ITileLayout
{
    public static nint RowStride => TileProduct.TileWidth;
}

/// <summary>
/// Products of small matrices that already lie in cache, in the layout they are needed: no packing, no edges.
/// Sizes are padded by the caller.
/// </summary>
internal static unsafe class TileProduct
{
    /// <summary>Rows are worked on in panels of this many.</summary>
    public const int Panel = 8;

    /// <summary>Columns are a multiple of this many: two of the widest vectors.</summary>
    public const int TileWidth = 32;

    public static int RoundUp(int count, int multiple) => (count + multiple - 1) / multiple * multiple;

    /// <summary>C [rows, columns] (+)= A [rows, depth] · B [depth, columns].</summary>
    /// <param name="rows">A multiple of <see cref="Panel"/>.</param>
    /// <param name="columns">A multiple of <see cref="TileWidth"/>.</param>
    /// <param name="panelStride">Floats from one panel of rows of A to the next.</param>
    /// <param name="depthStride">Floats from one depth of A to the next.</param>
    public static void Multiply<S, V, L>(
        int rows, int columns, int depth, float* a, nint panelStride, nint depthStride, float* b, nint bStride, float* c, nint cStride, bool accumulate)
        where S : struct, ISimd<V>
        where V : struct
        where L : struct, ITileLayout
    {
        for (var i = 0; i < rows; i += Panel)
        {
            for (var j = 0; j < columns; j += 2 * S.Count)
            {
                var to = c + i * cStride + j;
                if (S.Count == 8)
                {
                    // AVX2 has 16 registers: half a panel at a time.
                    Multiply4<S, V, L>(depth, a, depthStride, b + j, bStride, to, cStride, accumulate);
                    Multiply4<S, V, L>(depth, a + 4 * L.RowStride, depthStride, b + j, bStride, to + 4 * cStride, cStride, accumulate);
                }
                else
                {
                    Multiply8<S, V, L>(depth, a, depthStride, b + j, bStride, to, cStride, accumulate);
                }
            }

            a += panelStride;
        }
    }

    private static void Multiply8<S, V, L>(int depth, float* a, nint depthStride, float* b, nint bStride, float* c, nint cStride, bool accumulate)
        where S : struct, ISimd<V>
        where V : struct
        where L : struct, ITileLayout
    {
        var r = L.RowStride;
        V c00 = S.Create(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
        V c40 = c00, c41 = c00, c50 = c00, c51 = c00, c60 = c00, c61 = c00, c70 = c00, c71 = c00;
        for (var p = 0; p < depth; p++)
        {
            var b0 = S.Load(b);
            var b1 = S.Load(b + S.Count);
            var x = S.Create(a[0]);
            c00 = S.MultiplyAdd(x, b0, c00);
            c01 = S.MultiplyAdd(x, b1, c01);
            x = S.Create(a[r]);
            c10 = S.MultiplyAdd(x, b0, c10);
            c11 = S.MultiplyAdd(x, b1, c11);
            x = S.Create(a[2 * r]);
            c20 = S.MultiplyAdd(x, b0, c20);
            c21 = S.MultiplyAdd(x, b1, c21);
            x = S.Create(a[3 * r]);
            c30 = S.MultiplyAdd(x, b0, c30);
            c31 = S.MultiplyAdd(x, b1, c31);
            x = S.Create(a[4 * r]);
            c40 = S.MultiplyAdd(x, b0, c40);
            c41 = S.MultiplyAdd(x, b1, c41);
            x = S.Create(a[5 * r]);
            c50 = S.MultiplyAdd(x, b0, c50);
            c51 = S.MultiplyAdd(x, b1, c51);
            x = S.Create(a[6 * r]);
            c60 = S.MultiplyAdd(x, b0, c60);
            c61 = S.MultiplyAdd(x, b1, c61);
            x = S.Create(a[7 * r]);
            c70 = S.MultiplyAdd(x, b0, c70);
            c71 = S.MultiplyAdd(x, b1, c71);
            a += depthStride;
            b += bStride;
        }

        Write<S, V>(c00, c01, c, accumulate);
        Write<S, V>(c10, c11, c + cStride, accumulate);
        Write<S, V>(c20, c21, c + 2 * cStride, accumulate);
        Write<S, V>(c30, c31, c + 3 * cStride, accumulate);
        Write<S, V>(c40, c41, c + 4 * cStride, accumulate);
        Write<S, V>(c50, c51, c + 5 * cStride, accumulate);
        Write<S, V>(c60, c61, c + 6 * cStride, accumulate);
        Write<S, V>(c70, c71, c + 7 * cStride, accumulate);
    }

    private static void Multiply4<S, V, L>(int depth, float* a, nint depthStride, float* b, nint bStride, float* c, nint cStride, bool accumulate)
        where S : struct, ISimd<V>
        where V : struct
        where L : struct, ITileLayout
    {
        var r = L.RowStride;
        V c00 = S.Create(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
        for (var p = 0; p < depth; p++)
        {
            var b0 = S.Load(b);
            var b1 = S.Load(b + S.Count);
            var x = S.Create(a[0]);
            c00 = S.MultiplyAdd(x, b0, c00);
            c01 = S.MultiplyAdd(x, b1, c01);
            x = S.Create(a[r]);
            c10 = S.MultiplyAdd(x, b0, c10);
            c11 = S.MultiplyAdd(x, b1, c11);
            x = S.Create(a[2 * r]);
            c20 = S.MultiplyAdd(x, b0, c20);
            c21 = S.MultiplyAdd(x, b1, c21);
            x = S.Create(a[3 * r]);
            c30 = S.MultiplyAdd(x, b0, c30);
            c31 = S.MultiplyAdd(x, b1, c31);
            a += depthStride;
            b += bStride;
        }

        Write<S, V>(c00, c01, c, accumulate);
        Write<S, V>(c10, c11, c + cStride, accumulate);
        Write<S, V>(c20, c21, c + 2 * cStride, accumulate);
        Write<S, V>(c30, c31, c + 3 * cStride, accumulate);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Write<S, V>(V first, V second, float* c, bool accumulate)
        where S : struct, ISimd<V>
        where V : struct
    {
        if (accumulate)
        {
            first = S.Add(first, S.Load(c));
            second = S.Add(second, S.Load(c + S.Count));
        }

        S.Store(first, c);
        S.Store(second, c + S.Count);
    }
}
