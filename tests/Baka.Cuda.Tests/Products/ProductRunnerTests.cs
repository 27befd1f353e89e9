using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Cuda.Products;

namespace Baka.Cuda.Tests.Products;

public sealed class ProductRunnerTests
{
    /// <summary>Any order, stride, alignment and accumulation of every pair of elements, against sums in double precision.</summary>
    [GpuFact]
    public void Products_agree_with_their_definition()
    {
        using var gpu = new Gpu();
        using var products = new ProductRunner(gpu.Context, gpu.Stream, gpu.CacheFolder, fastTf32: false);
        var random = new Random(3);
        (Element Operands, Element Result)[] elements =
            [(Element.Float32, Element.Float32), (Element.BFloat16, Element.BFloat16), (Element.BFloat16, Element.Float32)];
        for (var i = 0; i < 60; i++)
        {
            var (operands, result) = elements[i % elements.Length];
            int Extent() => random.Next(8) == 0 ? 1 : random.Next(1, 40);
            var (m, n, k) = (Extent(), Extent(), Extent());
            var (transposeA, transposeB) = (random.Next(2) == 0, random.Next(2) == 0);
            using var a = Matrix.Random(gpu, random, operands, transposeA ? k : m, transposeA ? m : k);
            using var b = Matrix.Random(gpu, random, operands, transposeB ? n : k, transposeB ? k : n);
            using var d = Matrix.Random(gpu, random, result, m, n);
            using var c = d.Another(random);
            var addend = new[] { null, c, d }[random.Next(3)];
            var product = new Product(a.View, transposeA, b.View, transposeB, d.View, addend?.View);

            var prepared = products.Prepare(product);
            products.Run(prepared, a.Address, b.Address, (addend ?? d).Address, d.Address);

            // Rounding of k sums in f32 of numbers up to 1, and of the result.
            var tolerance = k * k * Math.Pow(2, -24) + (result == Element.BFloat16 ? (k + 1) * Math.Pow(2, -9) : 0);
            Matrix.AssertEqual(prepared.Shape, Expected(product, a, b, addend, d), d.Download(), tolerance);
        }
    }

    [GpuFact]
    public void A_choice_is_measured_once_and_later_taken_from_disk()
    {
        using var gpu = new Gpu();
        var random = new Random(4);
        using var a = Matrix.Random(gpu, random, Element.BFloat16, 24, 16);
        using var d = Matrix.Random(gpu, random, Element.BFloat16, 24, 24);
        var product = new Product(a.View, false, a.View, true, d.View);
        using (var first = new ProductRunner(gpu.Context, gpu.Stream, gpu.CacheFolder, fastTf32: false))
        {
            Assert.Same(first.Prepare(product), first.Prepare(product));
            Assert.Equal(1, first.Measured);
        }

        using var second = new ProductRunner(gpu.Context, gpu.Stream, gpu.CacheFolder, fastTf32: false);
        second.Prepare(product);
        Assert.Equal(0, second.Measured);
    }

    [GpuFact]
    public void Running_a_product_allocates_nothing()
    {
        using var gpu = new Gpu();
        var random = new Random(5);
        using var products = new ProductRunner(gpu.Context, gpu.Stream, gpu.CacheFolder, fastTf32: true);
        using var a = Matrix.Random(gpu, random, Element.Float32, 8, 8);
        using var d = Matrix.Random(gpu, random, Element.Float32, 8, 8);
        var prepared = products.Prepare(new Product(a.View, false, a.View, true, d.View));
        products.Run(prepared, a.Address, a.Address, d.Address, d.Address);

        var before = GC.GetAllocatedBytesForCurrentThread();
        products.Run(prepared, a.Address, a.Address, d.Address, d.Address);

        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    private static double[] Expected(Product product, Matrix a, Matrix b, Matrix? c, Matrix d)
    {
        var result = d.Values.Select(value => (double)value).ToArray();
        var depth = product.A.Shape[product.TransposeA ? 0 : 1];
        for (var row = 0; row < product.D.Shape[0]; row++)
        {
            for (var column = 0; column < product.D.Shape[1]; column++)
            {
                var sum = c is not null ? c[row, column] : 0.0;
                for (var i = 0; i < depth; i++)
                {
                    sum += (double)(product.TransposeA ? a[i, row] : a[row, i]) * (product.TransposeB ? b[column, i] : b[i, column]);
                }

                result[d.Index(row, column)] = sum;
            }
        }

        return result;
    }
}
