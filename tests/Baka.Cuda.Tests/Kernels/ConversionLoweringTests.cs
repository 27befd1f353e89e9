using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using Baka.Cuda.Lowering;
using static Baka.Cuda.Tests.Kernels.Operands;

namespace Baka.Cuda.Tests.Kernels;

public class ConversionLoweringTests
{
    [Fact]
    public void Only_another_element_is_copied()
    {
        var view = Columns(Element.Float32, 20, 100, 4, 64);
        var (same, nothing) = ConversionLowering.To(view, Element.Float32, Context());
        Assert.Same(view, same);
        Assert.Empty(nothing);
        var (other, operations) = ConversionLowering.To(view, Element.BFloat16, Context());
        Assert.True(other is { IsDense: true, Storage.Type: Element.BFloat16 });
        Assert.Equal([view.Storage, other.Storage], ((Launch)Assert.Single(operations)).Arguments.OfType<Argument.Pointer>().Select(p => p.View.Storage));
    }
}
