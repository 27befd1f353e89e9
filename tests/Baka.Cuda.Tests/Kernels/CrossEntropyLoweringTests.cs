using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;
using static Baka.Cuda.Tests.Kernels.Operands;

namespace Baka.Cuda.Tests.Kernels;

public class CrossEntropyLoweringTests
{
    private const Element F32 = Element.Float32;
    private const Element BF16 = Element.BFloat16;

    /// <summary>A GPU without the instructions that a product with weights for logits needs.</summary>
    private static readonly DeviceProfile Older = DeviceProfile.H100 with { Major = 8 };

    [Fact]
    public void Chunks_cover_all_rows_once_and_share_their_logits()
    {
        var context = new LoweringContext(Older);
        var operations = Gradient(BF16, 66560, 50304, context);
        var products = operations.OfType<Product>().ToArray();
        var logits = products.Where(p => p.TransposeB).ToArray();
        Assert.Equal(4, logits.Length);
        Assert.Equal(66560, logits.Sum(p => p.A.Shape[0]));
        Assert.Equal(logits.Select((_, i) => i * 16640L * 768), logits.Select(p => p.A.Offset));
        Assert.Single(logits.Select(p => p.D.Storage).Distinct());
        Assert.Equal(16640L * 50304 * 2, Assert.Single(context.AllScratch).Bytes);
    }

    [Theory]
    [InlineData(2000, 1)]
    [InlineData(4096, 2)]
    [InlineData(8192, 4)]
    [InlineData(32768, 4)]
    public void Logits_of_few_rows_stay_together_and_those_of_many_are_made_in_four_chunks(int rows, int chunks) =>
        Assert.Equal(chunks, Gradient(BF16, rows, 50304, new LoweringContext(Older)).OfType<Launch>().Count());

    [Fact]
    public void Only_the_first_chunk_overwrites_the_weight_gradient() =>
        Assert.Equal([false, true, true, true], Gradient(BF16, 10000, 50304, Context()).OfType<Product>().Where(p => p.TransposeA).Select(p => p.C is not null));

    [Theory]
    [InlineData(BF16, 50304, 100608)]
    [InlineData(F32, 50304, 201216)]
    [InlineData(F32, 65536, 0)] // more than a block's shared memory: the row is read twice
    public void A_row_that_fits_is_held_in_shared_memory(Element element, int vocabulary, int sharedBytes)
    {
        var launch = Gradient(element, 256, vocabulary, new LoweringContext(Older)).OfType<Launch>().Single();
        Assert.Equal(sharedBytes, launch.SharedBytes);
        Assert.Equal(sharedBytes > 0 ? "1" : "0", launch.Define("HELD"));
        Assert.Equal(new Grid(256), launch.Grid);
    }

    [Fact]
    public void Rows_of_an_odd_vocabulary_begin_at_multiples_of_16_bytes()
    {
        var logits = Gradient(BF16, 10, 257, Context()).OfType<Product>().First().D;
        Assert.Equal([10, 257], logits.Shape.Extents.ToArray());
        Assert.Equal([264L, 1L], logits.Strides);
    }

    [Theory]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public void A_gradient_that_is_not_wanted_has_no_product(bool input, bool weight)
    {
        var op = new LinearCrossEntropyGradient(new WantedGradients(input, weight));
        View[] inputs = [Dense(BF16, 300, 64), Dense(BF16, 1000, 64), Dense(Element.Int32, 300), Dense(F32, 300)];
        var gradient = input ? Dense(BF16, 300, 64) : Dense(F32, 1000, 64);
        var products = CrossEntropyLowering.Lower(op, Step(op, inputs, Dense(F32, 300), gradient), new LoweringContext(Older)).OfType<Product>().ToArray();
        Assert.Equal(2, products.Length);
        Assert.Equal(weight, products[1].TransposeA);
        Assert.Equal(gradient.Storage, products[1].D.Storage);
    }

    [Fact]
    public void Evaluation_makes_no_gradients_but_tells_which_targets_are_the_argmax()
    {
        var op = new LinearCrossEntropy();
        var step = Step(op, [Dense(BF16, 300, 64), Dense(BF16, 1000, 64), Dense(Element.Int32, 300)], Dense(F32, 300), Dense(F32, 300));
        var operations = CrossEntropyLowering.Lower(op, step, Context());
        Assert.Equal(2, operations.Count);
        var launch = (Launch)operations[1];
        Assert.Equal(("0", 0), (launch.Define("GRADIENT"), launch.SharedBytes));
        Assert.Equal(step.Outputs[1].Storage, Assert.IsType<Argument.Pointer>(launch.Arguments[^1]).View.Storage);
    }

    [Fact]
    public void Rows_are_brought_to_the_vocabularys_element()
    {
        var op = new LinearCrossEntropy();
        var step = Step(op, [Dense(BF16, 3, 8), Dense(F32, 9, 8), Dense(Element.Int32, 3)], Dense(F32, 3), Dense(F32, 3));
        var product = CrossEntropyLowering.Lower(op, step, Context()).OfType<Product>().Single();
        Assert.Equal((F32, F32), (product.A.Storage.Type, product.B.Storage.Type));
    }

    [Fact]
    public void A_sum_of_gradients_is_added_to_by_the_products_of_every_chunk()
    {
        var op = new LinearCrossEntropyGradientAdd(new LinearCrossEntropyGradient(WantedGradients.Both));
        var sum = Dense(F32, 50304, 768);
        View[] inputs = [Dense(BF16, 8192, 768), Dense(BF16, 50304, 768), Dense(Element.Int32, 8192), Dense(F32, 8192), sum];
        var operations = CrossEntropyLowering.Lower(op, Step(op, inputs, Dense(F32, 8192), Dense(BF16, 8192, 768), sum), Context());
        Assert.All(operations.OfType<Product>().Where(p => p.TransposeA), p => Assert.True(p.C == sum && p.D == sum));
    }

    private static IReadOnlyList<Operation> Gradient(Element element, int rows, int vocabulary, LoweringContext context)
    {
        var op = new LinearCrossEntropyGradient(WantedGradients.Both);
        View[] inputs = [Dense(element, rows, 768), Dense(element, vocabulary, 768), Dense(Element.Int32, rows), Dense(F32, rows)];
        return CrossEntropyLowering.Lower(op, Step(op, inputs, Dense(F32, rows), Dense(element, rows, 768), Dense(F32, vocabulary, 768)), context);
    }
}
