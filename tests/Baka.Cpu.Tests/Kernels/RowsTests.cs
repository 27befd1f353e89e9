using Baka.Cpu.Kernels;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Tests.Kernels;

public sealed unsafe class RowsTests
{
    [Theory]
    [InlineData(1, 1, 1, 1)]
    [InlineData(5, 7, 11, 2)]
    [InlineData(9, 40, 100, 3)]
    [InlineData(300, 64, 33, 2)]
    public void Gathering_takes_rows_and_scattering_is_its_transpose(int sourceRows, int width, int count, int threads)
    {
        var random = new Random(count);
        var (x, y) = (TestRows.Random(random, 1, sourceRows, width), new TestRows(1, count, width));
        var (dy, dx) = (TestRows.Random(random, 1, count, width), new TestRows(1, sourceRows, width));
        var index = new TestIntegers([.. Enumerable.Range(0, count).Select(_ => random.Next(-1, sourceRows))]);
        using var team = new ThreadTeam(threads);
        using var gather = new GatherRows(sourceRows, width, count) { Input = x.View, Index = index.Pointer, Output = y.View };
        using var scatter = new ScatterRows(sourceRows, width, count) { OutputGradient = dy.View, Index = index.Pointer, InputGradient = dx.View };
        gather.Run(team);
        scatter.Run(team);

        var (expected, gradient) = (new double[count * width], new double[sourceRows * width]);
        for (var i = 0; i < count * width; i++)
        {
            var (row, column) = Math.DivRem(i, width);
            if (index.Data[row] >= 0)
            {
                expected[i] = x.At(index.Data[row] * width + column);
                gradient[index.Data[row] * width + column] += dy.At(i);
            }
        }

        Assert.Equal(expected, y.ToArray());
        Close.Assert(gradient, dx.ToArray(), 1e-5, "dx");
        y.AssertMarginsUntouched();
        dx.AssertMarginsUntouched();
    }

    [Theory]
    [InlineData(-2)]
    [InlineData(4)]
    public void An_index_outside_the_rows_is_refused(int bad)
    {
        var index = new TestIntegers(0, bad);
        using var team = new ThreadTeam(1);
        using var gather = new GatherRows(4, 3, 2) { Index = index.Pointer };
        using var scatter = new ScatterRows(4, 3, 2) { Index = index.Pointer };
        Assert.Throws<ArgumentOutOfRangeException>(() => gather.Run(team));
        Assert.Throws<ArgumentOutOfRangeException>(() => scatter.Run(team));
    }
}
