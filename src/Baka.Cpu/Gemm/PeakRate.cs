using System.Diagnostics;
using System.Runtime.InteropServices;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Gemm;

/// <summary>Finds the highest rate of the matrix product by trying it.</summary>
internal static unsafe class PeakRate
{
    private const int Side = 1024;
    private const double Seconds = 0.3;

    // A square product, and flat ones like the forward products of a training step: which one is fastest depends on the caches.
    private static readonly (int M, int N, int K)[] Shapes = [(Side, Side, Side), (2 * Side, Side, Side / 2), (2 * Side, 2 * Side, Side / 4)];

    /// <summary>GFLOP/s of the fastest single product within about 0.3 s, after a first round that does not count.</summary>
    public static double Measure(ThreadTeam team)
    {
        var a = Allocate(Side * Side);
        var b = Allocate(Side * Side);
        var c = Allocate(4 * Side * Side);
        try
        {
            MultiplyAll();
            var best = 0.0;
            var start = Stopwatch.GetTimestamp();
            do
            {
                best = Math.Max(best, MultiplyAll());
            }
            while (Stopwatch.GetElapsedTime(start).TotalSeconds < Seconds);

            return best;
        }
        finally
        {
            NativeMemory.AlignedFree(a);
            NativeMemory.AlignedFree(b);
            NativeMemory.AlignedFree(c);
        }

        double MultiplyAll()
        {
            var best = 0.0;
            foreach (var (m, n, k) in Shapes)
            {
                var start = Stopwatch.GetTimestamp();
                Sgemm.Multiply(team, m, n, k, new Matrix(a, k, 1), new Matrix(b, n, 1), new Matrix(c, n, 1));
                best = Math.Max(best, 2e-9 * m * n * k / Stopwatch.GetElapsedTime(start).TotalSeconds);
            }

            return best;
        }
    }

    private static float* Allocate(int count)
    {
        var data = (float*)NativeMemory.AlignedAlloc((nuint)count * sizeof(float), 64);
        // Ordinary numbers: zeros and denormals can run at another speed.
        for (var i = 0; i < count; i++) data[i] = (i * 31 % 64 - 32) / 32f;
        return data;
    }
}
