using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Baka.Cpu.Kernels;

/// <summary>Copies a matrix with rows and columns exchanged.</summary>
internal static unsafe class Transposition
{
    /// <summary>to[j, i] = from[i, j] for i &lt; rows, j &lt; columns; strides between rows, in floats.</summary>
    public static void Copy(float* from, nint fromStride, int rows, int columns, float* to, nint toStride)
    {
        var i = 0;

        // The portable API has no shuffle of two vectors; elsewhere than on x86 the scalar loop does it all.
        for (; Sse.IsSupported && i <= rows - 4; i += 4)
        {
            var j = 0;
            for (; j <= columns - 4; j += 4)
            {
                Copy4x4(from + i * fromStride + j, fromStride, to + j * toStride + i, toStride);
            }

            CopyScalar(from + i * fromStride + j, fromStride, 4, columns - j, to + j * toStride + i, toStride);
        }

        CopyScalar(from + i * fromStride, fromStride, rows - i, columns, to + i, toStride);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Copy4x4(float* from, nint fromStride, float* to, nint toStride)
    {
        var a = Vector128.Load(from);
        var b = Vector128.Load(from + fromStride);
        var c = Vector128.Load(from + 2 * fromStride);
        var d = Vector128.Load(from + 3 * fromStride);
        var (ab, cd) = (Sse.UnpackLow(a, b), Sse.UnpackLow(c, d));
        Sse.MoveLowToHigh(ab, cd).Store(to);
        Sse.MoveHighToLow(cd, ab).Store(to + toStride);
        (ab, cd) = (Sse.UnpackHigh(a, b), Sse.UnpackHigh(c, d));
        Sse.MoveLowToHigh(ab, cd).Store(to + 2 * toStride);
        Sse.MoveHighToLow(cd, ab).Store(to + 3 * toStride);
    }

    private static void CopyScalar(float* from, nint fromStride, int rows, int columns, float* to, nint toStride)
    {
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++)
            {
                to[j * toStride + i] = from[i * fromStride + j];
            }
        }
    }
}
