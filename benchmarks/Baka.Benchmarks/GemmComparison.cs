using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using Baka.Cpu.Gemm;
using Baka.Cpu.Threading;

namespace Baka.Benchmarks;

/// <summary>
/// Our matrix product beside OpenBLAS on the shapes of a training step. Both run in turns within each round, and the
/// median round counts, so that other load on the machine meets both alike.
/// </summary>
internal static unsafe class GemmComparison
{
    private const int Rounds = 11;
    private const int PauseBetweenTurns = 60;
    private const double SecondsPerTurn = 0.015;

    private static readonly GemmShape[] Shapes =
    [
        new("small: merged forward", 2176, 3584, 256, "NT"),
        new("small: merged input gradient", 2176, 256, 3584, "NN"),
        new("small: merged weight gradient", 3584, 256, 2176, "TN"),
        new("small: down forward", 2176, 256, 1024, "NT"),
        new("small: down input gradient", 2176, 1024, 256, "NN"),
        new("small: down weight gradient", 256, 1024, 2176, "TN"),
        new("small: attention output", 2176, 256, 256, "NT"),
        new("small: logits of a chunk", 256, 8192, 256, "NT"),
        new("small: logits input gradient", 256, 256, 8192, "NN"),
        new("small: logits weight gradient", 8192, 256, 256, "TN", Accumulate: true),
        new("baka-12: merged forward", 2080, 10752, 768, "NT"),
        new("baka-12: merged input gradient", 2080, 768, 10752, "NN"),
        new("baka-12: merged weight gradient", 10752, 768, 2080, "TN"),
        new("baka-12: down forward", 2080, 768, 3072, "NT"),
        new("baka-12: down weight gradient", 3072, 768, 2080, "TN"),
        new("tiny: merged forward", 1100, 1792, 128, "NT"),
        new("tiny: merged weight gradient", 1792, 128, 1100, "TN"),
        new("tiny: down forward", 272, 128, 512, "NT"),
        new("attention scores of a tile", 64, 136, 64, "NT"),
        new("attention output of a tile", 64, 64, 136, "NN"),
        new("generation: one token", 1, 3584, 256, "NT"),
        new("generation: four tokens", 4, 3584, 256, "NT"),
    ];

    /// <summary>Prints the table; <paramref name="filter"/> keeps the shapes whose name contains it.</summary>
    public static void Run(string filter)
    {
        if (OpenBlas.IsAvailable)
        {
            Console.WriteLine($"OpenBLAS uses its {OpenBlas.CoreName} kernels; ours use {Sgemm.VectorBits}-bit vectors.");
            if (OpenBlas.ForcedCore is { } core)
            {
                Console.WriteLine($"OPENBLAS_CORETYPE={core} is set: run with `env -u OPENBLAS_CORETYPE` to let OpenBLAS choose its fastest kernels.");
            }
        }
        else
        {
            Console.WriteLine("OpenBLAS is not on this machine (Debian: apt install libopenblas0-pthread), so only ours is measured.");
        }

        using var one = new ThreadTeam(1);
        using var two = new ThreadTeam(2);
        Console.WriteLine(string.Create(
            CultureInfo.InvariantCulture,
            $"Our peak: {Sgemm.MeasurePeak(one):F1} GFLOP/s on one thread, {Sgemm.MeasurePeak(two):F1} on two."));
        Console.WriteLine($"GFLOP/s, median of {Rounds} alternating rounds.");
        Console.WriteLine();
        Console.WriteLine("| shape | m x n x k | ours 1T | OpenBLAS 1T | ratio | ours 2T | OpenBLAS 2T | ratio |");
        Console.WriteLine("| --- | --- | ---: | ---: | ---: | ---: | ---: | ---: |");
        foreach (var shape in Shapes.Where(shape => shape.Name.Contains(filter, StringComparison.OrdinalIgnoreCase)))
        {
            var (ours1, theirs1) = Measure(shape, one);
            var (ours2, theirs2) = Measure(shape, two);
            Console.WriteLine(string.Create(
                CultureInfo.InvariantCulture,
                $"| {shape.Name} | {shape.M} x {shape.N} x {shape.K} {shape.Layout} | {ours1:F1} | {theirs1:F1} | {ours1 / theirs1:F2} | {ours2:F1} | {theirs2:F1} | {ours2 / theirs2:F2} |"));
        }
    }

    private static (double Ours, double Theirs) Measure(GemmShape shape, ThreadTeam team)
    {
        var a = Allocate((long)shape.M * shape.K, 1);
        var b = Allocate((long)shape.K * shape.N, 2);
        var c = Allocate((long)shape.M * shape.N, 3);
        var viewA = shape.TransposeA ? new Matrix(a, 1, shape.M) : new Matrix(a, shape.K, 1);
        var viewB = shape.TransposeB ? new Matrix(b, 1, shape.K) : new Matrix(b, shape.N, 1);
        var viewC = new Matrix(c, shape.N, 1);
        void Ours() => Sgemm.Multiply(team, shape.M, shape.N, shape.K, viewA, viewB, viewC, shape.Accumulate);
        void Theirs() => OpenBlas.Multiply(shape.M, shape.N, shape.K, a, shape.TransposeA, b, shape.TransposeB, c, shape.Accumulate);

        var ours = new double[Rounds];
        var theirs = new double[Rounds];
        if (OpenBlas.IsAvailable) OpenBlas.SetThreads(team.Size);
        for (var round = 0; round < Rounds; round++)
        {
            ours[round] = Rate(shape, Ours);
            theirs[round] = OpenBlas.IsAvailable ? Rate(shape, Theirs) : double.NaN;
        }

        NativeMemory.AlignedFree(a);
        NativeMemory.AlignedFree(b);
        NativeMemory.AlignedFree(c);
        return (Median(ours), Median(theirs));
    }

    private static double Rate(GemmShape shape, Action multiply)
    {
        // OpenBLAS's threads go on spinning for a while after a product, and would share a core with ours.
        Thread.Sleep(PauseBetweenTurns);
        multiply();
        multiply();
        var start = Stopwatch.GetTimestamp();
        var calls = 0;
        double seconds;
        do
        {
            multiply();
            calls++;
            seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        }
        while (seconds < SecondsPerTurn);

        return 2e-9 * shape.M * shape.N * shape.K * calls / seconds;
    }

    private static double Median(double[] values)
    {
        Array.Sort(values);
        return values[values.Length / 2];
    }

    private static float* Allocate(long count, int seed)
    {
        var data = (float*)NativeMemory.AlignedAlloc((nuint)count * sizeof(float), 64);
        var random = new Random(seed);
        for (long i = 0; i < count; i++) data[i] = random.NextSingle() - 0.5f;
        return data;
    }

    private sealed record GemmShape(string Name, int M, int N, int K, string Layout, bool Accumulate = false)
    {
        public bool TransposeA => Layout[0] == 'T';

        public bool TransposeB => Layout[1] == 'T';
    }
}
