using Baka.Cpu.Kernels;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Tests.Kernels;

public sealed unsafe class SumTests
{
    [Theory]
    [InlineData(1, 1, 1, 1, 512)]
    [InlineData(1, 100_003, 1, 3, 512)]
    [InlineData(17, 33, 1, 2, 256)]
    [InlineData(3, 50, 7, 3, 512)]
    [InlineData(1, 400, 100, 2, 512)]
    [InlineData(2, 31, 300, 3, 128)]
    [InlineData(12, 5, 19, 2, 512)]
    [InlineData(1, 2, 5, 3, 256)]
    public void The_sum_over_the_middle_equals_its_definition(int outer, int reduced, int inner, int threads, int bits)
    {
        var x = TestMemory.Random(new Random(3), outer * reduced * inner);
        var y = new TestMemory(outer * inner);
        using var team = new ThreadTeam(threads);
        using var kernel = new SumKernel(outer, reduced, inner, threads) { VectorBits = bits, Input = x.Pointer, Output = y.Pointer };
        kernel.Run(team);
        var expected = new double[outer * inner];
        for (var i = 0; i < x.Data.Length; i++)
        {
            expected[i / (reduced * inner) * inner + i % inner] += x.Data[i];
        }

        Close.Assert(expected, y.Data.ToDoubles(), 1e-6 * Math.Sqrt(reduced), "y");
    }
}
