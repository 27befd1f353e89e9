using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Cuda.Products;
using Baka.Graph;

namespace Baka.Cuda.Tests.Products;

public sealed class ProductShapeTests
{
    /// <summary>
    /// A product as its views say it, against the same as its shape says it to cuBLASLt: operands in memory with stride and
    /// order. Small extents of 1 are among them, where strides say nothing.
    /// </summary>
    [Fact]
    public void A_shape_means_the_same_product_as_its_views()
    {
        var random = new Random(7);
        for (var i = 0; i < 300; i++)
        {
            var (m, n, k) = (random.Next(1, 5), random.Next(1, 5), random.Next(1, 5));
            var (transposeA, transposeB) = (random.Next(2) == 0, random.Next(2) == 0);
            var a = Matrix(random, transposeA ? k : m, transposeA ? m : k);
            var b = Matrix(random, transposeB ? n : k, transposeB ? k : n);
            var d = Matrix(random, m, n);
            var product = new Product(a, transposeA, b, transposeB, d);

            var memory = (A: Numbers(random, a), B: Numbers(random, b));
            Assert.Equal(Naive(product, memory.A, memory.B), AsShape(product, memory.A, memory.B));
        }
    }

    [Fact]
    public void The_weights_of_a_linear_layer_are_read_as_they_lie()
    {
        var shape = ProductShape.Of(new Product(Dense(4416, 768), false, Dense(3072, 768), true, Dense(4416, 3072)), fastTf32: true);

        Assert.Equal((4416, 3072, 768), (shape.M, shape.N, shape.K));
        Assert.Equal("bf16:N:4416x768/768@256,bf16:T:3072x768/768@256,bf16:N:4416x3072/3072@256", shape.ToString());
    }

    [Fact]
    public void The_matrices_of_a_batch_may_be_parts_of_larger_ones()
    {
        var a = Batch(64, 21, 40).Slice(1, 0, 20);
        var shape = ProductShape.Of(new Product(a, false, Batch(64, 72, 40), true, Batch(64, 20, 72)), fastTf32: false);

        Assert.Equal((20, 72, 40, 2L * 64 * 20 * 72 * 40), (shape.M, shape.N, shape.K, shape.Flops));
        Assert.Equal((64, 840L, 16), (shape.A.Batch, shape.A.BatchStride, shape.A.Alignment));
        Assert.Equal("bf16:N:20x40/40@16*64/840,bf16:T:72x40/40@128*64/2880,bf16:N:20x72/72@64*64/1440", shape.ToString());
        Assert.Equal((63 * 840 + 20 * 40) * 2, shape.A.Bytes);
    }

    [Fact]
    public void Batches_of_different_length_are_refused()
    {
        Assert.Throws<ArgumentException>(() => ProductShape.Of(new Product(Batch(3, 8, 8), false, Batch(4, 8, 8), false, Batch(3, 8, 8)), fastTf32: false));
    }

    [Theory]
    [InlineData(0, 256)]
    [InlineData(3, 2)]
    [InlineData(8, 16)]
    [InlineData(1024, 256)]
    public void Alignment_follows_from_the_offset(long offset, int bytes)
    {
        var storage = new Storage(StorageKind.Arena, "x", Element.BFloat16, 4096);

        Assert.Equal(bytes, Operand.Of(new View(storage, offset, new Shape(4, 8), [8, 1])).Alignment);
    }

    [Fact]
    public void A_single_column_is_taken_for_a_row_so_that_vectors_can_be_read()
    {
        var column = Operand.Of(Dense(100, 1));

        Assert.Equal((1, 100, 104L, true), (column.Rows, column.Columns, column.Stride, column.Transposed));
    }

    [Fact]
    public void Products_that_cannot_be_computed_are_refused()
    {
        var overlapping = new View(new Storage(StorageKind.Arena, "x", Element.BFloat16, 64), 0, new Shape(8, 8), [0, 1]);
        var scattered = new View(new Storage(StorageKind.Arena, "x", Element.BFloat16, 256), 0, new Shape(8, 8), [16, 2]);

        Refused(overlapping, Dense(8, 8), Dense(8, 8));
        Refused(scattered, Dense(8, 8), Dense(8, 8));
        Refused(Dense(8, 8), Dense(7, 8), Dense(8, 8));
        Refused(Dense(8, 8), Dense(8, 8, Element.Float32), Dense(8, 8));
        Refused(Dense(8, 8, Element.Float32), Dense(8, 8, Element.Float32), Dense(8, 8));
        ProductShape.Of(new Product(Dense(8, 8), false, Dense(8, 8), false, Dense(8, 8, Element.Float32), Dense(8, 8, Element.Float32)), fastTf32: false);
        Assert.Throws<ArgumentException>(() => ProductShape.Of(new Product(Dense(8, 8), false, Dense(8, 8), false, Dense(8, 8), Dense(8, 16).Slice(1, 0, 8)), fastTf32: false));
    }

    private static void Refused(View a, View b, View d) =>
        Assert.Throws<ArgumentException>(() => ProductShape.Of(new Product(a, false, b, false, d), fastTf32: false));

    private static View Dense(int rows, int columns, Element type = Element.BFloat16) =>
        new(new Storage(StorageKind.Arena, "x", type, (long)rows * columns), new Shape(rows, columns));

    private static View Batch(int count, int rows, int columns) =>
        new(new Storage(StorageKind.Arena, "x", Element.BFloat16, (long)count * rows * columns), new Shape(count, rows, columns));

    /// <summary>Row- or column-major, with or without room between rows.</summary>
    private static View Matrix(Random random, int rows, int columns)
    {
        var gap = random.Next(3);
        var storage = new Storage(StorageKind.Arena, "x", Element.Float32, (rows + gap) * (columns + gap));
        return random.Next(2) == 0
            ? new View(storage, 0, new Shape(rows, columns), [columns + gap, 1])
            : new View(storage, 0, new Shape(rows, columns), [1, rows + gap]);
    }

    private static float[] Numbers(Random random, View view) => [.. Enumerable.Range(0, (int)view.Storage.Count).Select(_ => (float)random.Next(-9, 10))];

    private static float At(float[] memory, View view, int row, int column) => memory[row * view.Strides[0] + column * view.Strides[1]];

    private static float[] Naive(Product product, float[] a, float[] b)
    {
        var d = new float[product.D.Storage.Count];
        var depth = product.A.Shape[product.TransposeA ? 0 : 1];
        for (var row = 0; row < product.D.Shape[0]; row++)
        {
            for (var column = 0; column < product.D.Shape[1]; column++)
            {
                d[row * product.D.Strides[0] + column * product.D.Strides[1]] = Enumerable.Range(0, depth).Sum(i =>
                    (product.TransposeA ? At(a, product.A, i, row) : At(a, product.A, row, i))
                    * (product.TransposeB ? At(b, product.B, column, i) : At(b, product.B, i, column)));
            }
        }

        return d;
    }

    private static float[] AsShape(Product product, float[] a, float[] b)
    {
        var shape = ProductShape.Of(product, fastTf32: false);
        var (left, right) = shape.SwapsOperands ? (b, a) : (a, b);
        Assert.False(shape.D.Transposed);
        var d = new float[product.D.Storage.Count];
        for (var row = 0; row < shape.M; row++)
        {
            for (var column = 0; column < shape.N; column++)
            {
                d[row * shape.D.Stride + column] = Enumerable.Range(0, shape.K).Sum(i =>
                    left[shape.A.Transposed ? i * shape.A.Stride + row : row * shape.A.Stride + i]
                    * right[shape.B.Transposed ? column * shape.B.Stride + i : i * shape.B.Stride + column]);
            }
        }

        return d;
    }
}
