using Baka.Cpu.Kernels;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Tests.Kernels;

public sealed unsafe class NormTests
{
    [Theory]
    [InlineData(1, 1, 1, false, true, false, 1, 512)]
    [InlineData(1, 5, 16, false, true, false, 2, 512)]
    [InlineData(3, 7, 37, true, true, true, 3, 512)]
    [InlineData(2, 9, 64, true, false, false, 2, 256)]
    [InlineData(4, 3, 130, false, false, true, 3, 128)]
    [InlineData(1, 2, 53, true, true, false, 3, 256)]
    public void A_norm_equals_its_definition_and_its_gradient_finite_differences(
        int batches, int rows, int width, bool centered, bool weighted, bool accumulate, int threads, int bits)
    {
        var random = new Random(11);
        var (x, dy) = (TestRows.Random(random, batches, rows, width), TestRows.Random(random, batches, rows, width));
        var (y, dx) = (new TestRows(batches, rows, width), accumulate ? TestRows.Random(random, batches, rows, width) : new TestRows(batches, rows, width));
        var (weight, dw) = (TestMemory.Random(random, width), new TestMemory(width));
        var before = dx.ToArray();
        var statistics = new TestMemory(2 * batches * rows);
        using var team = new ThreadTeam(threads);
        using var forward = new NormForward(batches, rows, width, centered)
        {
            VectorBits = bits, Input = x.View, Weight = weighted ? weight.Pointer : null, Output = y.View, Statistics = statistics.Pointer,
        };
        using var backward = new NormBackward(batches, rows, width, centered, accumulate, threads)
        {
            VectorBits = bits,
            Input = x.View,
            Weight = weighted ? weight.Pointer : null,
            Statistics = statistics.Pointer,
            OutputGradient = dy.View,
            InputGradient = dx.View,
            WeightGradient = weighted ? dw.Pointer : null,
        };
        forward.Run(team);
        backward.Run(team);

        var (inputs, weights, upstream) = (x.ToArray(), weighted ? weight.Data.ToDoubles() : [.. Enumerable.Repeat(1.0, width)], dy.ToArray());
        Close.Assert(Reference(inputs, weights, width, centered), y.ToArray(), 2e-6, "y");
        double Loss() => Reference(inputs, weights, width, centered).Zip(upstream, (a, b) => a * b).Sum();
        var expected = Differences.Of(Loss, inputs);
        Close.Assert([.. expected.Zip(before, (a, b) => accumulate ? a + b : a)], dx.ToArray(), 2e-5, "dx");
        if (weighted)
        {
            Close.Assert(Differences.Of(Loss, weights), dw.Data.ToDoubles(), 1e-5, "dw");
        }

        x.AssertMarginsUntouched();
        y.AssertMarginsUntouched();
        dx.AssertMarginsUntouched();
    }

    private static double[] Reference(double[] x, double[] weight, int width, bool centered)
    {
        var y = new double[x.Length];
        for (var row = 0; row < x.Length; row += width)
        {
            var values = x[row..(row + width)];
            var mean = centered ? values.Average() : 0;
            var scale = 1 / Math.Sqrt(values.Average(v => (v - mean) * (v - mean)) + 1e-6);
            for (var i = 0; i < width; i++)
            {
                y[row + i] = (values[i] - mean) * scale * weight[i];
            }
        }

        return y;
    }
}
