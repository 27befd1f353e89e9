using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;
using static Baka.Cuda.Tests.Kernels.Operands;

namespace Baka.Cuda.Tests.Kernels;

public class StepLoweringTests
{
    private const Element F32 = Element.Float32;
    private const Element BF16 = Element.BFloat16;

    [Fact]
    public void A_shifted_sum_reads_columns_of_a_wide_product()
    {
        var op = new StepSum(4, 1, 3);
        var wide = Dense(BF16, 8, 515, 13824).Slice(2, 6144, 3072);
        var launch = (Launch)Assert.Single(StepSumLowering.Lower(op, Step(op, [wide], Dense(BF16, 8, 512, 768)), Context()));
        Assert.Equal(new Grid(512), launch.Grid);
        Assert.Equal(("768", "8", "13824", "7119360"), (launch.Define("WIDTH"), launch.Define("VECTOR"), launch.Define("X_STRIDE"), launch.Define("X_GROUP_STRIDE")));
    }

    [Fact]
    public void Its_adjoint_writes_them()
    {
        var op = new StepSpread(new StepSum(4, 1, 3));
        var wide = Dense(BF16, 8, 515, 13824).Slice(2, 6144, 3072);
        var launch = (Launch)Assert.Single(StepSumLowering.Lower(op, Step(op, [Dense(BF16, 8, 512, 768)], wide), Context()));
        Assert.Equal(new Grid(515), launch.Grid);
        Assert.Equal(("768", "13824"), (launch.Define("WIDTH"), launch.Define("Y_STRIDE")));
    }

    [Fact]
    public void Unfolded_rows_overlap()
    {
        // Positions 2, 5 and 8 of 9 are reached by three steps with stride 3: they begin at rows 0, 3 and 6.
        var op = new StepLinear(3, 3, 0);
        var step = Step(op, [Dense(BF16, 2, 9, 8), Dense(F32, 5, 24)], Dense(BF16, 2, 9, 5));
        var operations = StepLinearLowering.Lower(op, step, Context());
        var unfold = ((Argument.Pointer)((Launch)operations[1]).Arguments[0]).View;
        Assert.Equal([2, 3, 24], unfold.Shape.Extents.ToArray());
        Assert.Equal(0, unfold.Offset);
        Assert.Equal([72L, 24L, 1L], unfold.Strides);
        var product = Assert.IsType<Product>(operations[2]);
        Assert.Equal((BF16, BF16), (product.A.Storage.Type, product.B.Storage.Type));
    }

    [Fact]
    public void Where_nothing_is_reached_everything_is_zero()
    {
        var op = new StepLinear(5, 1, 0);
        var y = Dense(F32, 2, 3, 4);
        Assert.Equal([new Clear(y)], StepLinearLowering.Lower(op, Step(op, [Dense(F32, 2, 3, 8), Dense(F32, 4, 40)], y), Context()));
    }
}
