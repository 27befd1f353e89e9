using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Baka.Cpu.Gemm;

/// <summary>
/// Packs one operand for the tile kernel. An operand is <c>across × depth</c>: depth is the dimension summed over.
/// It is cut into panels of <c>panelWidth</c> across; a panel holds its values depth step by depth step, so the kernel
/// reads it from end to end. Panel q begins at <c>q · panelWidth · depth</c>.
/// </summary>
internal static unsafe class Panels<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    // When values that lie side by side in memory go to different panels, this many depth steps are copied to a panel
    // before the next: enough to write whole cache lines, few enough that the source lines are still in L1.
    private const int CopyDepth = 16;

    // How far ahead a source outside the caches is asked for: a block is many short pieces of memory, too short for the
    // hardware to foresee.
    private const int CopyAhead = CopyDepth;
    private const int GatherAhead = 24;
    private const int LineFloats = 16;

    /// <param name="source">Row index = across, column index = depth.</param>
    /// <param name="pad">
    /// True: a narrower last panel is filled up with zeros to the full width. False: it is stored with its own width.
    /// </param>
    /// <param name="far">The source is probably not in the caches near the core.</param>
    public static void Pack(Matrix source, int across, int depth, int panelWidth, bool pad, bool far, float* to)
    {
        if (source.RowStride == 1)
        {
            for (var p = 0; p < depth; p += CopyDepth)
            {
                var steps = Math.Min(CopyDepth, depth - p);
                for (var i = 0; i < across; i += panelWidth)
                {
                    var width = Math.Min(panelWidth, across - i);
                    var stride = pad ? panelWidth : width;
                    CopyPanel(source.At(i, p).Data, source.ColumnStride, width, steps, far, to + (nint)i * depth + (nint)p * stride, stride);
                }
            }

            return;
        }

        for (var i = 0; i < across; i += panelWidth)
        {
            var width = Math.Min(panelWidth, across - i);
            var stride = pad ? panelWidth : width;
            GatherPanel(source.At(i, 0), width, depth, far, to + (nint)i * depth, stride);
        }
    }

    /// <summary>The values of one depth step lie together in the source too.</summary>
    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void CopyPanel(float* from, nint depthStride, int width, int depth, bool far, float* to, int stride)
    {
        if (width == 2 * TSimd.Width && stride == width)
        {
            for (; depth > 0; depth--, from += depthStride, to += 2 * TSimd.Width)
            {
                TSimd.Store(TSimd.Load(from), to);
                TSimd.Store(TSimd.Load(from + TSimd.Width), to + TSimd.Width);
            }
        }
        else if (width == 12 && stride == width)
        {
            for (; depth > 0; depth--, from += depthStride, to += stride)
            {
                if (far) Cache.Prefetch(from + CopyAhead * depthStride);
                Vector256.Load(from).Store(to);
                Vector128.Load(from + 8).Store(to + 8);
            }
        }
        else if (width == 6 && stride == width)
        {
            for (; depth > 0; depth--, from += depthStride, to += stride)
            {
                if (far) Cache.Prefetch(from + CopyAhead * depthStride);
                Vector128.Load(from).Store(to);
                Vector64.Load(from + 4).Store(to + 4);
            }
        }
        else
        {
            for (; depth > 0; depth--, from += depthStride, to += stride)
            {
                new ReadOnlySpan<float>(from, width).CopyTo(new Span<float>(to, width));
                new Span<float>(to + width, stride - width).Clear();
            }
        }
    }

    /// <summary>The values of one depth step lie <c>RowStride</c> apart: transposes, four depth steps at a time.</summary>
    private static void GatherPanel(Matrix source, int width, int depth, bool far, float* to, int stride)
    {
        var i = 0;
        if (source.ColumnStride == 1)
        {
            if (TSimd.Width >= 16 && Simd512.CanInterleave)
            {
                for (; i + 16 <= width; i += 16) Transpose<Simd512, Vector512<float>>(source.At(i, 0), depth, far, to + i, stride);
            }

            if (TSimd.Width >= 8 && Simd256.CanInterleave)
            {
                for (; i + 8 <= width; i += 8) Transpose<Simd256, Vector256<float>>(source.At(i, 0), depth, far, to + i, stride);
            }

            if (Simd128.CanInterleave)
            {
                for (; i + 4 <= width; i += 4) Transpose<Simd128, Vector128<float>>(source.At(i, 0), depth, far, to + i, stride);
            }
        }

        for (; i < width; i++) Gather(source.At(i, 0), depth, to + i, stride);
        for (; i < stride; i++)
        {
            for (var p = 0; p < depth; p++) to[i + (nint)p * stride] = 0f;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveOptimization)]
    private static void Transpose<TS, TV>(Matrix source, int depth, bool far, float* to, int stride)
        where TS : struct, ISimd<TV>
        where TV : struct
    {
        var row0 = source.Data;
        var row1 = row0 + source.RowStride;
        var row2 = row1 + source.RowStride;
        var row3 = row2 + source.RowStride;
        var laneStride = 4 * source.RowStride;
        var p = 0;
        for (; p + 4 <= depth; p += 4)
        {
            if (far && p % LineFloats == 0)
            {
                for (var i = 0; i < TS.Width; i++) Cache.Prefetch(row0 + (i + GatherAhead) * source.RowStride + p);
            }

            var x0 = TS.LoadLanes(row0 + p, laneStride);
            var x1 = TS.LoadLanes(row1 + p, laneStride);
            var x2 = TS.LoadLanes(row2 + p, laneStride);
            var x3 = TS.LoadLanes(row3 + p, laneStride);
            var even0 = TS.InterleaveLow(x0, x2);
            var even1 = TS.InterleaveHigh(x0, x2);
            var odd0 = TS.InterleaveLow(x1, x3);
            var odd1 = TS.InterleaveHigh(x1, x3);
            TS.Store(TS.InterleaveLow(even0, odd0), to);
            TS.Store(TS.InterleaveHigh(even0, odd0), to + stride);
            TS.Store(TS.InterleaveLow(even1, odd1), to + 2 * (nint)stride);
            TS.Store(TS.InterleaveHigh(even1, odd1), to + 3 * (nint)stride);
            to += 4 * (nint)stride;
        }

        for (; p < depth; p++, to += stride)
        {
            for (var i = 0; i < TS.Width; i++) to[i] = source.At(i, p).Data[0];
        }
    }

    private static void Gather(Matrix row, int depth, float* to, int stride)
    {
        for (var p = 0; p < depth; p++, to += stride) *to = row.Data[p * row.ColumnStride];
    }
}
