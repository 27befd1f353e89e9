using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;
using static Baka.Cuda.Tests.Kernels.Operands;

namespace Baka.Cuda.Tests.Kernels;

public class NormLoweringTests
{
    private const Element F32 = Element.Float32;
    private const Element BF16 = Element.BFloat16;

    [Theory]
    [InlineData(768, 256, 1040, "32")] // eight rows a block, a warp each
    [InlineData(4096, 512, 8320, "512")] // a row a block
    public void Narrow_rows_belong_to_warps_and_wide_ones_to_blocks(int width, int threads, int blocks, string group)
    {
        var launch = (Launch)Assert.Single(Forward(Dense(BF16, 8320, width)));
        Assert.Equal((threads, new Grid(blocks), 0), (launch.Threads, launch.Grid, launch.SharedBytes));
        Assert.Equal((group, "8", "bf16", "float"), (launch.Define("GROUP"), launch.Define("VECTOR"), launch.Define("X_TYPE"), launch.Define("W_TYPE")));
    }

    [Fact]
    public void Layers_of_equal_sizes_share_a_kernel() =>
        Assert.Equal(((Launch)Forward(Dense(BF16, 64, 768))[0]).Kernel, ((Launch)Forward(Dense(BF16, 64, 768))[0]).Kernel);

    [Fact]
    public void Rows_may_lie_apart() =>
        Assert.Equal("2304", Forward(Columns(BF16, 64, 2304, 768, 768))[0].Define("X_STRIDE"));

    [Theory]
    [InlineData(66560, 768, 396)] // three blocks a multiprocessor
    [InlineData(66560, 1296, 264)] // two
    [InlineData(100, 768, 25)] // a warp a row
    public void The_weight_gradient_is_summed_in_two_stages(int rows, int width, int blocks)
    {
        var (x, dw) = (Dense(BF16, rows, width), Dense(F32, width));
        var step = Step(new NormBackward(false, OfWeight: true), [x, Dense(F32, width), Dense(F32, rows, 2), x], Dense(BF16, rows, width), dw);
        var operations = NormLowering.Lower(new NormBackward(false, OfWeight: true), step, Context()).Cast<Launch>().ToArray();
        var partial = ((Argument.Pointer)operations[0].Arguments[^1]).View;
        Assert.Equal(["norm_backward", "sum_columns"], operations.Select(o => o.Kernel.Name));
        Assert.Equal(new Grid(blocks), operations[0].Grid);
        Assert.Equal([blocks, width], partial.Shape.Extents.ToArray());
        Assert.Equal([partial, dw, blocks, width, 1], operations[1].Arguments.Take(5)); // so many rows, in one part
    }

    [Fact]
    public void A_frozen_weight_has_no_gradient_to_sum()
    {
        var (x, op) = (Dense(BF16, 100, 768), new NormBackward(false, OfWeight: false));
        var launch = (Launch)Assert.Single(NormLowering.Lower(op, Step(op, [x, Dense(F32, 768), Dense(F32, 100, 2), x], Dense(BF16, 100, 768)), Context()));
        Assert.Equal("0", launch.Define("OF_WEIGHT"));
    }

    [Fact]
    public void The_gradient_that_goes_past_is_added_from_where_it_lies()
    {
        var (x, dw) = (Dense(BF16, 64, 768), Dense(F32, 768));
        var past = Columns(BF16, 64, 1024, 128, 768);
        var op = new NormBackwardAdd(new NormBackward(false, OfWeight: true));
        var operations = NormLowering.Lower(op, Step(op, [x, Dense(F32, 768), Dense(F32, 64, 2), x, past], Dense(BF16, 64, 768), dw), Context()).Cast<Launch>().ToArray();
        Assert.Equal(["norm_backward", "sum_columns"], operations.Select(o => o.Kernel.Name));
        Assert.Equal(("1", "1024", "8"), (operations[0].Define("ADDS"), operations[0].Define("PAST_STRIDE"), operations[0].Define("VECTOR")));
        Assert.Same(past, ((Argument.Pointer)operations[0].Arguments[4]).View);
    }

    [Theory]
    [InlineData(64, 68, "4")]
    [InlineData(96, 112, "8")]
    [InlineData(70, 72, "2")]
    public void Vectors_end_where_the_values_of_a_narrower_head_do(int narrow, int wide, string vector)
    {
        var (x, y, widened) = (Dense(BF16, 64, 12 * narrow), Dense(BF16, 64, 12 * wide), Dense(BF16, 64, 12 * wide));
        var (w, statistics, op) = (Dense(F32, 12 * wide), Dense(F32, 64, 2), new Norm(false, 1e-5f));
        var widening = new WideningNorm(op, Heads: 12);
        var forward = (Launch)Assert.Single(NormLowering.Lower(widening, Step(widening, [x, w], y, statistics, widened)));
        Assert.Equal([x, w, y, statistics, widened], forward.Arguments.Select(a => ((Argument.Pointer)a).View));
        Assert.Equal(new Grid(8), forward.Grid);

        var narrowing = new NarrowingNormBackward(new NormBackwardAdd(new NormBackward(false, OfWeight: true)), Heads: 12, Width: 12 * narrow);
        var backward = NormLowering.Lower(narrowing, Step(narrowing, [widened, w, statistics, y, y], x, w), Context()).Cast<Launch>().ToArray();
        Assert.Equal(["norm_backward", "sum_columns"], backward.Select(o => o.Kernel.Name));
        Assert.Equal([widened, w, statistics, y, y, x], backward[0].Arguments.Take(6).Select(a => ((Argument.Pointer)a).View));
        Assert.Equal((new Grid(16), "1"), (backward[0].Grid, backward[0].Define("ADDS")));
        Assert.Equal([16, 12 * wide], ((Argument.Pointer)backward[0].Arguments[^1]).View.Shape.Extents.ToArray());
        Assert.All([forward, backward[0]], launch => Assert.Equal(
            ($"{12 * wide}", $"{wide}", $"{narrow}", vector),
            (launch.Define("WIDTH"), launch.Define("HEAD"), launch.Define("USED"), launch.Define("VECTOR"))));
    }

    private static IReadOnlyList<Operation> Forward(View x)
    {
        var op = new Norm(false, 1e-5f);
        return NormLowering.Lower(op, Step(op, [x, Dense(F32, x.Shape[1])], Dense(BF16, x.Shape[0], x.Shape[1]), Dense(F32, x.Shape[0], 2)));
    }
}
