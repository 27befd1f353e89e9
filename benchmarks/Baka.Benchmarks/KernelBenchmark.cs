using System.Diagnostics;
using System.Runtime.InteropServices;
using Baka.Cpu.Kernels;
using Baka.Cpu.Threading;

namespace Baka.Benchmarks;

/// <summary>Time and rate of the fused kernels at the sizes of preset small: 4 rows of 4 windows of 132 slots, 4 heads of 64, vocabulary 8192.</summary>
public static unsafe class KernelBenchmark
{
    private const int Rows = 4;
    private const int Windows = 4;
    private const int Slots = 132;
    private const int Heads = 4;
    private const int HeadWidth = 64;
    private const int Width = Heads * HeadWidth;
    private const int Vocabulary = 8192;
    private const int Tokens = Rows * Windows * Slots;

    /// <param name="threads">Team size.</param>
    public static int Run(int threads)
    {
        using var team = new ThreadTeam(threads);
        Console.WriteLine($"{threads} threads");
        Attention(team, "attention", new AttentionShape(Rows, Windows, Slots, Heads, HeadWidth, Slots));
        Attention(team, "attention, window 520", new AttentionShape(1, 4, 520, 12, 64, 520));
        Attention(team, "attention, one token", new AttentionShape(1, 1, 1, Heads, HeadWidth, 2 * Slots));
        Norm(team);
        CrossEntropy(team);
        return 0;
    }

    private static void Attention(ThreadTeam team, string name, AttentionShape shape)
    {
        var row = shape.Heads * shape.HeadWidth;
        var wide = 10 * row;
        Rows Narrow(int rows) => new(Numbers((long)shape.Batch * rows * row), row, (nint)rows * row);
        var first = (int*)NativeMemory.AllocZeroed((nuint)(shape.Batch * shape.Windows), sizeof(int));
        var last = (int*)NativeMemory.AllocZeroed((nuint)shape.Slots, sizeof(int));
        for (var i = 0; i < shape.Slots; i++)
        {
            last[i] = shape.Past + i;
        }

        // As in a layer: q, k and v are slices of the one wide product, and so are their gradients.
        var all = Numbers((long)shape.Batch * shape.Queries * wide);
        var gradients = Numbers((long)shape.Batch * shape.Queries * wide);
        Rows Slice(float* matrix, int slice) => new(matrix + slice * row, wide, (nint)shape.Queries * wide);

        using var rope = new RopeTable(shape.Keys, shape.HeadWidth, 10000);
        using var forward = new AttentionForward(shape, rope, team.Size) { Output = Narrow(shape.Queries), LogSumExp = Numbers((long)shape.Units * shape.Queries) };
        using var backward = new AttentionBackward(shape, rope, team.Size, detachPast: false)
        {
            Output = forward.Output,
            LogSumExp = forward.LogSumExp,
            OutputGradient = Narrow(shape.Queries),
            QueryGradient = Slice(gradients, 0),
            KeyGradient = Slice(gradients, 1),
            ValueGradient = Slice(gradients, 2),
            PastKeyGradient = Narrow(shape.Past),
            PastValueGradient = Narrow(shape.Past),
        };
        var (q, k, v, pastK, pastV) = (Slice(all, 0), Slice(all, 1), Slice(all, 2), Narrow(shape.Past), Narrow(shape.Past));
        foreach (var kernel in new AttentionKernel[] { forward, backward })
        {
            (kernel.Query, kernel.Key, kernel.Value, kernel.PastKey, kernel.PastValue) = (q, k, v, pastK, pastV);
            kernel.First = first;
            kernel.Last = last;
            kernel.QueryPosition = last;
        }

        var pairs = (double)shape.Units * shape.Windows * shape.Slots * (shape.Past + (shape.Slots + 1) / 2.0);
        Report(name + ", forward", 4 * HeadWidth * pairs, () => forward.Run(team));
        Report(name + ", backward", 10 * HeadWidth * pairs, () => backward.Run(team));
    }

    private static void Norm(ThreadTeam team)
    {
        var x = new Rows(Numbers((long)Tokens * Width), Width);
        var y = new Rows(Numbers((long)Tokens * Width), Width);
        var statistics = Numbers(2 * Tokens);
        var weight = Numbers(Width);
        using var forward = new NormForward(1, Tokens, Width, centered: false) { Input = x, Weight = weight, Output = y, Statistics = statistics };
        using var backward = new NormBackward(1, Tokens, Width, centered: false, accumulate: false, team.Size)
        {
            Input = x,
            Weight = weight,
            Statistics = statistics,
            OutputGradient = y,
            InputGradient = new Rows(Numbers((long)Tokens * Width), Width),
            WeightGradient = Numbers(Width),
        };
        Report("norm, forward", 4.0 * Tokens * Width, () => forward.Run(team));
        Report("norm, backward", 12.0 * Tokens * Width, () => backward.Run(team));
    }

    private static void CrossEntropy(ThreadTeam team)
    {
        var targets = (int*)NativeMemory.AllocZeroed(Tokens, sizeof(int));
        for (var i = 0; i < Tokens; i++)
        {
            targets[i] = i * 37 % Vocabulary;
        }

        using var kernel = new LinearCrossEntropy(Tokens, Width, Vocabulary, backward: true)
        {
            Input = new Rows(Numbers((long)Tokens * Width), Width),
            Weight = Numbers((long)Vocabulary * Width),
            Targets = targets,
            Loss = Numbers(Tokens),
            LossGradient = Numbers(Tokens),
            InputGradient = new Rows(Numbers((long)Tokens * Width), Width),
            WeightGradient = Numbers((long)Vocabulary * Width),
        };
        Report("linear + cross-entropy, both", 6.0 * Tokens * Width * Vocabulary, () => kernel.Run(team));
    }

    private static void Report(string name, double operations, Action action)
    {
        action();
        var best = double.MaxValue;
        for (var clock = Stopwatch.StartNew(); clock.ElapsedMilliseconds < 700;)
        {
            var start = Stopwatch.GetTimestamp();
            action();
            best = Math.Min(best, Stopwatch.GetElapsedTime(start).TotalMilliseconds);
        }

        Console.WriteLine($"{name,-40} {best,9:f3} ms {operations / best / 1e6,8:f1} GFLOP/s");
    }

    private static float* Numbers(long count)
    {
        var random = new Random(1);
        var data = (float*)NativeMemory.AlignedAlloc((nuint)(count * sizeof(float)), 64);
        for (long i = 0; i < count; i++)
        {
            data[i] = (float)(random.NextDouble() - 0.5);
        }

        return data;
    }
}
