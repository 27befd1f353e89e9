using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;
using static Baka.Cuda.Tests.Kernels.Operands;

namespace Baka.Cuda.Tests.Kernels;

public class RowsLoweringTests
{
    private const Element F32 = Element.Float32;
    private const Element BF16 = Element.BFloat16;

    [Fact]
    public void Gathered_rows_change_their_element_on_the_way()
    {
        var op = new GatherRows();
        var step = Step(op, [Dense(F32, 50304, 768), Dense(Element.Int32, 8320)], Columns(BF16, 8320, 1536, 768, 768));
        var launch = (Launch)Assert.Single(RowsLowering.Lower(op, step, Context()));
        Assert.Equal(new Grid(1040), launch.Grid);
        Assert.Equal(("float", "bf16", "8", "1536"), (launch.Define("X_TYPE"), launch.Define("Y_TYPE"), launch.Define("VECTOR"), launch.Define("Y_STRIDE")));
    }

    [Theory]
    [InlineData(50304, "2", "8")] // 16 bits
    [InlineData(255, "1", "8")]
    [InlineData(256, "2", "5")] // a row number more, for those that go nowhere, and it takes a second pass
    [InlineData(3, "1", "2")]
    public void The_sort_has_as_many_digits_as_row_numbers_need(int rows, string passes, string digitBits)
    {
        var sort = Scatter(1000, rows).OfType<Launch>().Single(l => l.Kernel.Name == "sort_rows");
        Assert.Equal((passes, digitBits), (sort.Define("PASSES"), sort.Define("DIGIT_BITS")));
    }

    [Theory]
    [InlineData(66560, new[] { 1, 1040, 1039 })]
    [InlineData(64, new[] { 1, 1 })] // one tile: no run is cut
    public void Scattering_clears_sorts_sums_tiles_and_joins_what_they_cut(int count, int[] blocks)
    {
        var operations = Scatter(count, 500);
        Assert.IsType<Clear>(operations[0]);
        Assert.Equal(blocks, operations.OfType<Launch>().Select(l => l.Grid.X));
    }

    [Fact]
    public void Rows_are_replaced_in_place_where_the_plan_allows_it()
    {
        var op = new ReplaceRows();
        var (cache, rows, index) = (Dense(F32, 100, 64), Dense(BF16, 4, 64), Dense(Element.Int32, 4));
        Assert.Equal(["replace_rows"], Names(RowsLowering.Lower(op, Step(op, [cache, rows, index], cache), Context())));
        Assert.Equal(["copy", "replace_rows"], Names(RowsLowering.Lower(op, Step(op, [cache, rows, index], Dense(F32, 100, 64)), Context())));
    }

    private static IEnumerable<string> Names(IEnumerable<Operation> operations) => operations.Cast<Launch>().Select(l => l.Kernel.Name);

    private static IReadOnlyList<Operation> Scatter(int count, int rows)
    {
        var op = new ScatterRows(rows);
        return RowsLowering.Lower(op, Step(op, [Dense(BF16, count, 768), Dense(Element.Int32, count)], Dense(F32, rows, 768)), Context());
    }
}
