using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;
using static Baka.Cuda.Tests.Kernels.Operands;

namespace Baka.Cuda.Tests.Kernels;

public class ConvolutionLoweringTests
{
    private const Element F32 = Element.Float32;
    private const Element BF16 = Element.BFloat16;

    [Fact]
    public void The_input_may_be_columns_of_a_product()
    {
        var x = Dense(BF16, 8, 2080, 3072).Slice(2, 1536, 1536);
        var op = new DepthwiseConvolution();
        var tail = Dense(BF16, 8, 3, 1536);
        var step = Step(op, [x, Dense(F32, 8, 2080), tail, Dense(F32, 4, 1536), Dense(F32, 1536)], Dense(BF16, 8, 2080, 1536), tail);
        var launch = (Launch)Assert.Single(ConvolutionLowering.Lower(op, step, Context()));

        // 384 vectors of four channels, 12 warps; 8 blocks of 4 runs for each of 8 rows, 768 of the 792 blocks that find room at once.
        Assert.Equal((128, new Grid(12 * 8 * 8), 0), (launch.Threads, launch.Grid, launch.SharedBytes));
        Assert.Equal("65", launch.Define("RUN"));
        Assert.Equal(("4", "4", "3072", "6389760"), (launch.Define("VECTOR"), launch.Define("TAPS"), launch.Define("X_STRIDE"), launch.Define("X_ROW_STRIDE")));
    }

    [Fact]
    public void Gradients_that_all_slots_share_are_summed_from_those_of_runs()
    {
        var op = new DepthwiseConvolutionBackward(HasTail: false);
        var (x, tail, w) = (Dense(BF16, 2, 62, 40), Dense(BF16, 2, 3, 40), Dense(F32, 4, 40));
        var operations = ConvolutionLowering.Lower(op, Step(op, [x, Dense(F32, 2, 62), tail, w, Dense(F32, 40), x], x, tail, w, Dense(F32, 40)), Context()).Cast<Launch>().ToArray();
        Assert.Equal(["convolution_backward", "sum_columns"], operations.Select(o => o.Kernel.Name));

        // 62 slots and 3 of the tail are nine runs, three blocks of four.
        Assert.Equal((new Grid(3 * 2), "8"), (operations[0].Grid, operations[0].Define("RUN")));
        Assert.Equal("0", operations[0].Define("HAS_NEXT"));
        Assert.Equal([6, 4, 40], ((Argument.Pointer)operations[0].Arguments[^2]).View.Shape.Extents.ToArray());
    }
}
