using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using Baka.Cuda.Lowering;
using static Baka.Cuda.Tests.Kernels.Operands;

namespace Baka.Cuda.Tests.Kernels;

public class ConversionLoweringTests
{
    [Fact]
    public void Dense_views_are_one_long_row()
    {
        var launch = ConversionLowering.Lower(Dense(Element.Float32, 4, 5, 64), Dense(Element.BFloat16, 4, 5, 64));
        Assert.Equal(("160", "1", "8"), (launch.Define("VECTORS"), launch.Define("ROWS"), launch.Define("VECTOR")));
    }

    [Fact]
    public void Rows_that_lie_apart_stay_rows()
    {
        var launch = ConversionLowering.Lower(Columns(Element.Float32, 20, 100, 4, 64), Dense(Element.BFloat16, 20, 64));
        Assert.Equal(("16", "20", "4", "100"), (launch.Define("VECTORS"), launch.Define("ROWS"), launch.Define("VECTOR"), launch.Define("X_STRIDE")));
    }

    [Fact]
    public void Only_another_element_is_copied()
    {
        var view = Columns(Element.Float32, 20, 100, 4, 64);
        var (same, nothing) = ConversionLowering.To(view, Element.Float32, Context());
        Assert.Same(view, same);
        Assert.Empty(nothing);
        var (other, operations) = ConversionLowering.To(view, Element.BFloat16, Context());
        Assert.True(other is { IsDense: true, Storage.Type: Element.BFloat16 });
        Assert.Equal([view, other], ((Launch)Assert.Single(operations)).Arguments);
    }
}
