using Baka.Cpu.Kernels;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Tests.Kernels;

public sealed unsafe class CopyTests
{
    [Fact]
    public void Any_permutation_of_any_shape_is_copied()
    {
        var random = new Random(1);
        for (var round = 0; round < 300; round++)
        {
            var rank = random.Next(0, CopyKernel.MaxRank + 1);
            var shape = Enumerable.Range(0, rank).Select(_ => random.Next(1, rank <= 3 ? 40 : 6)).ToArray();
            var from = Strides(shape, random);
            if (rank > 0 && random.Next(4) == 0)
            {
                from[random.Next(rank)] = 0;
            }

            Check(shape, from, Strides(shape, random), threads: 1 + round % 3);
        }
    }

    [Fact]
    public void A_long_row_is_copied_by_all_workers()
    {
        Check([3, 20_001], [20_001, 1], [20_001, 1], threads: 3);
    }

    private static void Check(int[] shape, long[] from, long[] to, int threads)
    {
        var x = TestMemory.Random(new Random(2), 1 + (int)shape.Zip(from, (size, stride) => (size - 1) * stride).Sum());
        var y = new TestMemory(1 + (int)shape.Zip(to, (size, stride) => (size - 1) * stride).Sum());
        var expected = (float[])y.Data.Clone();
        for (var i = 0; i < shape.Aggregate(1, (a, b) => a * b); i++)
        {
            var (rest, source, target) = (i, 0L, 0L);
            for (var d = shape.Length - 1; d >= 0; d--)
            {
                (rest, var index) = Math.DivRem(rest, shape[d]);
                source += index * from[d];
                target += index * to[d];
            }

            expected[target] = x.Data[source];
        }

        using var team = new ThreadTeam(threads);
        using var kernel = new CopyKernel(shape, from, to) { Input = x.Pointer, Output = y.Pointer };
        kernel.Run(team);
        Assert.Equal(expected, y.Data);
    }

    /// <summary>Strides of the dimensions in a random order, sometimes with gaps.</summary>
    private static long[] Strides(int[] shape, Random random)
    {
        var strides = new long[shape.Length];
        var next = random.Next(4) == 0 ? 2L : 1L;
        foreach (var d in Enumerable.Range(0, shape.Length).OrderBy(_ => random.Next()))
        {
            strides[d] = next;
            next = next * shape[d] + (random.Next(3) == 0 ? 1 : 0);
        }

        return strides;
    }
}
