using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using static Baka.Cuda.Tests.Kernels.Operands;

namespace Baka.Cuda.Tests.Kernels;

public class VectorWidthTests
{
    [Theory]
    [InlineData(768, 768, 0, 8)]
    [InlineData(768, 2304, 768, 8)]
    [InlineData(772, 772, 0, 4)] // the width
    [InlineData(768, 1000, 4, 4)] // the offset
    [InlineData(768, 770, 0, 2)] // the distance of rows
    [InlineData(767, 1024, 0, 1)]
    public void Rows_that_begin_at_multiples_are_read_16_bytes_at_a_time(int width, int wholeWidth, int start, int expected) =>
        Assert.Equal(expected, VectorWidth.Choose(width, Columns(Element.BFloat16, 3, wholeWidth, start, width)));

    [Fact]
    public void The_smallest_element_decides()
    {
        Assert.Equal(4, VectorWidth.Choose(768, Dense(Element.Float32, 2, 768)));
        Assert.Equal(8, VectorWidth.Choose(768, Dense(Element.Float32, 2, 768), Dense(Element.BFloat16, 2, 768)));
    }

    [Fact]
    public void The_distance_of_a_single_row_does_not_matter() =>
        Assert.Equal(8, VectorWidth.Choose(768, Columns(Element.BFloat16, 1, 769, 0, 768)));
}
