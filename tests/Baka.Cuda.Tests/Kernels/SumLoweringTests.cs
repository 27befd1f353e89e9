using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using Baka.Cuda.Lowering;
using Baka.Graph;
using Baka.Graph.Ops;
using static Baka.Cuda.Tests.Kernels.Operands;

namespace Baka.Cuda.Tests.Kernels;

public class SumLoweringTests
{
    private const Element F32 = Element.Float32;

    [Theory]
    [InlineData(new[] { 8320, 12 }, new[] { 1 }, "1")] // a thread a sum
    [InlineData(new[] { 8320, 768 }, new[] { 1 }, "32")] // a warp a sum
    public void Many_short_sums_take_one_launch(int[] extents, int[] axes, string group)
    {
        var launch = Assert.Single(Lower(extents, axes));
        Assert.Equal(("sum_rows", group, "1"), (((Launch)launch).Kernel.Name, launch.Define("GROUP"), launch.Define("PARTS")));
    }

    [Theory]
    [InlineData(new[] { 1 << 24 }, new[] { 0 }, new[] { "sum_rows", "sum_rows" })]
    [InlineData(new[] { 66560, 768 }, new[] { 0 }, new[] { "sum_columns", "sum_columns" })]
    [InlineData(new[] { 8, 5, 16 }, new[] { 0, 2 }, new[] { "sum_rows", "sum_columns" })] // the axes inside first
    [InlineData(new[] { 8, 1, 16 }, new[] { 0, 2 }, new[] { "sum_rows" })] // one stretch
    public void Few_long_sums_and_axes_apart_take_several(int[] extents, int[] axes, string[] kernels) =>
        Assert.Equal(kernels, Lower(extents, axes).Select(o => ((Launch)o).Kernel.Name));

    [Fact]
    public void Parts_cover_a_sum_and_fill_the_GPU()
    {
        var launch = (Launch)Lower([66560, 768], [0])[0];
        var (parts, length) = (Size(launch, "parts"), Size(launch, "length"));
        Assert.InRange((long)parts * length, 66560, 66560 + length - 1);
        Assert.InRange(launch.Grid.X, 4 * 132, 16 * 132);
    }

    [Theory]
    [InlineData(396, 768, "32", "8")] // few columns: as many threads to each as a block has, side by side 128 bytes
    [InlineData(48, 70144, "8", "32")] // enough of them for six rows a thread
    [InlineData(48, 1 << 22, "1", "256")]
    [InlineData(3, 70144, "2", "8")] // never more threads than rows
    public void No_more_threads_share_a_column_than_it_takes_to_fill_the_GPU(int rows, int columns, string sharing, string sideBySide)
    {
        var launch = SumLowering.Reduce(Dense(F32, rows, columns), 1, rows, columns, Dense(F32, columns), Context())[0];
        Assert.Equal((sharing, sideBySide), (launch.Define("LANES_Y"), launch.Define("LANES_X")));
    }

    [Fact]
    public void Sums_go_to_rows_that_lie_apart_from_each_other()
    {
        var x = Dense(F32, 48, 8, 20, 16);
        var columns = Dense(Element.BFloat16, 8, 20, 80).Slice(2, 48, 16);
        var launch = Assert.Single(SumLowering.Reduce(x, 1, 48, 8 * 20 * 16, columns, Context()));
        Assert.Equal((16, 80, "8"), (Size(launch, "y_width"), Size(launch, "y_stride"), launch.Define("VECTOR")));

        // Where they are not equally far apart, they are copied there.
        var slots = Dense(Element.BFloat16, 8, 30, 80).Slice(2, 48, 16).Slice(1, 0, 20);
        Assert.Equal(["sum_columns", "copy"], SumLowering.Reduce(x, 1, 48, 8 * 20 * 16, slots, Context()).Select(o => ((Launch)o).Kernel.Name));
    }

    [Fact]
    public void Several_sums_take_a_launch_for_those_that_run_the_same_function()
    {
        View[] parts = [Dense(F32, 8, 16, 1536), Dense(F32, 8, 1536), Dense(F32, 48, 8, 20, 16), Dense(F32, 48, 8, 20, 16)];
        var slots = Dense(Element.BFloat16, 8, 20, 80);
        View[] sums = [Dense(F32, 16, 1536), Dense(F32, 1536), slots.Slice(2, 48, 16), slots.Slice(2, 64, 16)];
        var launches = SumLowering.ReduceAll(Context(), [.. parts.Zip(sums)]).Cast<Launch>().ToArray();
        Assert.Equal(2, launches.Length);
        Assert.Equal(
            parts.Zip(sums, (x, y) => Assert.IsAssignableFrom<Launch>(Assert.Single(SumLowering.ReduceAll(Context(), (x, y)))).Grid.X).Sum(),
            launches.Sum(launch => launch.Grid.X));
        Assert.All(launches, launch => Assert.Equal(2, ((Argument.Struct)launch.Arguments[0]).Members.OfType<Argument.Pointer>().Count() / 2));
    }

    [Fact]
    public void Stages_of_a_long_sum_follow_each_other_beside_a_short_one()
    {
        View[] parts = [Dense(F32, 66560, 768), Dense(F32, 8, 1536)];
        View[] sums = [Dense(F32, 768), Dense(F32, 1536)];
        var launches = SumLowering.ReduceAll(Context(), [.. parts.Zip(sums)]).Cast<BlockLaunch>().ToArray();
        var (from, to) = (launches.Select(launch => Operand(launch, 0)).ToArray(), launches.Select(launch => Operand(launch, 1)).ToArray());
        Assert.Equal(3, launches.Length);
        Assert.All(sums, sum => Assert.Contains(sum, to));
        var second = Array.IndexOf(to, sums[0]);
        Assert.InRange(Array.IndexOf(to, from[second]), 0, second - 1);
    }

    [Fact]
    public void Squares_of_all_tensors_of_one_element_take_one_launch()
    {
        var op = new SumOfSquares();
        View[] inputs = [Dense(F32, 768), Dense(Element.BFloat16, 100), Dense(F32, 300, 768)];
        var operations = SumOfSquaresLowering.Lower(op, Step(op, inputs, Dense(F32)), Context());
        Assert.Equal(["sum_of_squares", "sum_of_squares", "sum_rows"], operations.Select(o => ((Launch)o).Kernel.Name));
        Assert.Equal("VIEW(0, 0, 768) VIEW(1, 1, 230400)", operations[0].Define("VIEWS(VIEW)"));
        Assert.Equal(new Grid(1 + 8), ((Launch)operations[0]).Grid);
        Assert.Equal([inputs[0], inputs[2]], ((Launch)operations[0]).Arguments.Skip(1));
    }

    [Fact]
    public void A_launch_has_only_so_many_tensors()
    {
        var op = new SumOfSquares();
        var operations = SumOfSquaresLowering.Lower(op, Step(op, [.. Enumerable.Range(0, 300).Select(_ => Dense(F32, 5))], Dense(F32)), Context());
        Assert.Equal([257, 45, 2], operations.Select(o => ((Launch)o).Arguments.Count));
    }

    private static View Operand(Launch launch, int argument) => ((Argument.Pointer)launch.Arguments[argument]).View;

    private static int Size(Operation operation, string parameter)
    {
        var launch = (BlockLaunch)operation;
        return ((Argument.Int)launch.Arguments[launch.Function.Parameters.ToList().FindIndex(p => p.Name == parameter)]).Value;
    }

    private static IReadOnlyList<Operation> Lower(int[] extents, int[] axes)
    {
        var op = new Sum(axes);
        var sums = axes.Aggregate(new Shape(extents), (shape, axis) => shape.With(axis, 1));
        return SumLowering.Lower(op, Step(op, [Dense(F32, extents)], Dense(F32, sums.Extents.ToArray())), Context());
    }
}
