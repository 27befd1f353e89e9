using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Baka.Cpu.Kernels;

/// <summary>Copies of one head's slice of a token's row, scaled and turned on the way.</summary>
internal static unsafe class HeadRow
{
    /// <summary>
    /// Asks for a row that is needed soon: a head's rows lie far apart in the wide matrix of a layer, where no hardware prefetcher finds them.
    /// </summary>
    public static void Prefetch(float* row, int width)
    {
        for (var i = 0; Sse.IsSupported && i < width; i += 16)
        {
            Sse.Prefetch0(row + i);
        }
    }

    /// <summary>
    /// to = scale · R(position) · from, or its inverse turn; without a table no turn. Returns whether every value is finite.
    /// </summary>
    public static bool Copy(float* from, float* to, int width, float scale, RopeTable? rope, int position, bool inverse = false)
    {
        if (rope == null)
        {
            return Scale(from, to, width, scale);
        }

        var cosines = rope.Cosines(position);
        var sines = rope.Sines(position);
        var sign = inverse ? -scale : scale;
        var signs = Vector256.Create(-sign, sign, -sign, sign, -sign, sign, -sign, sign);
        var twice = Vector256.Create(0, 0, 1, 1, 2, 2, 3, 3);
        var swapped = Vector256.Create(1, 0, 3, 2, 5, 4, 7, 6);
        var check = Vector256<float>.Zero;
        var i = 0;
        for (; i <= width - 8; i += 8)
        {
            var cosine = Vector128.Load(cosines + i / 2);
            var sine = Vector128.Load(sines + i / 2);
            var cosine2 = Vector256.ShuffleNative(Vector256.Create(cosine, cosine), twice) * scale;
            var sine2 = Vector256.ShuffleNative(Vector256.Create(sine, sine), twice) * signs;
            var x = Vector256.Load(from + i);
            var y = x * cosine2 + Vector256.ShuffleNative(x, swapped) * sine2;
            y.Store(to + i);
            check += y * 0f;
        }

        // 0 · ∞ and 0 · NaN are NaN, so the sum of zeros tells whether all were finite.
        var sum = Vector256.Sum(check);
        for (; i < width; i += 2)
        {
            var x = from[i];
            var y = from[i + 1];
            to[i] = x * (cosines[i / 2] * scale) - y * (sines[i / 2] * sign);
            to[i + 1] = y * (cosines[i / 2] * scale) + x * (sines[i / 2] * sign);
            sum += to[i] * 0f + to[i + 1] * 0f;
        }

        return sum == 0f;
    }

    private static bool Scale(float* from, float* to, int width, float scale)
    {
        var check = Vector256<float>.Zero;
        var i = 0;
        for (; i <= width - 8; i += 8)
        {
            var y = Vector256.Load(from + i) * scale;
            y.Store(to + i);
            check += y * 0f;
        }

        var sum = Vector256.Sum(check);
        for (; i < width; i++)
        {
            to[i] = from[i] * scale;
            sum += to[i] * 0f;
        }

        return sum == 0f;
    }
}
