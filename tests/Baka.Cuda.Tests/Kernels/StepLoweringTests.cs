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
        Assert.Equal(new Grid(518), launch.Grid);
        Assert.Equal(("768", "13824", "4144"), (launch.Define("WIDTH"), launch.Define("Y_STRIDE"), launch.Define("ROWS")));
    }
}
