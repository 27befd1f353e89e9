using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using Baka.Cuda.Lowering;
using static Baka.Cuda.Tests.Kernels.Operands;

namespace Baka.Cuda.Tests.Kernels;

public class ProductLoweringTests
{
    private const Element F32 = Element.Float32;
    private const Element BF16 = Element.BFloat16;

    [Fact]
    public void What_lies_as_the_result_does_is_added_from_where_it_is()
    {
        var (addend, sum) = (Dense(BF16, 40, 24), Dense(BF16, 40, 24));
        var product = Assert.IsType<Product>(Assert.Single(Lower(addend, sum)));
        Assert.Same(addend, product.C);
        Assert.Same(sum, product.D);
    }

    [Fact]
    public void What_is_in_the_place_of_the_result_stays_there()
    {
        var sum = Dense(BF16, 40, 24);
        var product = Assert.IsType<Product>(Assert.Single(Lower(sum, sum)));
        Assert.Same(sum, product.C);
    }

    [Fact]
    public void What_lies_otherwise_or_has_other_numbers_is_brought_to_the_result_first()
    {
        View[] addends = [Dense(F32, 40, 24), Columns(BF16, 40, 32, 0, 24), Dense(BF16, 24, 40).Permute([1, 0])];
        foreach (var addend in addends)
        {
            var sum = Dense(BF16, 40, 24);
            var operations = Lower(addend, sum);
            Assert.IsAssignableFrom<Launch>(operations[0]);
            var product = Assert.IsType<Product>(operations[^1]);
            Assert.Same(sum, product.C);
        }
    }

    [Fact]
    public void Where_the_result_needs_more_digits_on_its_way_the_addend_is_brought_there()
    {
        var operations = ProductLowering.Lower(Dense(F32, 40, 16), false, Dense(F32, 16, 24), false, Dense(BF16, 40, 24), Dense(BF16, 40, 24), Context());
        Assert.Equal([true, false, true], operations.Select(o => o is Launch));
        var product = Assert.IsType<Product>(operations[1]);
        Assert.Same(product.D, product.C);
        Assert.Equal(F32, product.D.Storage.Type);
    }

    private static IReadOnlyList<Operation> Lower(View addend, View sum) =>
        ProductLowering.Lower(Dense(BF16, 40, 16), false, Dense(BF16, 16, 24), false, addend, sum, Context());
}
