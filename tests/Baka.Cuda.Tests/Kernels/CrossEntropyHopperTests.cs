using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;
using static Baka.Cuda.Tests.Kernels.Operands;

namespace Baka.Cuda.Tests.Kernels;

public sealed class CrossEntropyHopperTests
{
    private const Element F32 = Element.Float32;
    private const Element BF16 = Element.BFloat16;

    [Fact]
    public void Weights_come_from_the_product_and_rows_factors_multiply_what_is_narrow()
    {
        var (x, w, targets, upstream) = (Dense(BF16, 300, 72), Dense(BF16, 1000, 72), Dense(Element.Int32, 300), Dense(F32, 300));
        var (nll, dx, dw) = (Dense(F32, 300), Dense(BF16, 300, 72), Dense(F32, 1000, 72));
        var operations = Lower(WantedGradients.Both, [x, w, targets, upstream], nll, dx, dw);

        Assert.Equal(["target_logits", "product_hopper", "cross_entropy_weights", "Product", "scale_rows", "scale_rows", "Product"], operations.Select(Name));
        Assert.Equal(new Grid(38), ((Launch)operations[0]).Grid);
        var (targetLogits, product, end) = (Views(operations[0])[^1], Members(operations[1]), Views(operations[2]));
        var (weights, sums, factors) = (product[0], product[3], end[^1]);
        Assert.Equal([targetLogits, targets], product[1..3], Alike);
        Assert.Equal([x, w, targets, targetLogits, sums, upstream, weights, nll, factors], end, Alike);

        var (ofInput, ofWeight) = ((Product)operations[3], (Product)operations[6]);
        Assert.Equal([weights, w, dx], [ofInput.A, ofInput.B, ofInput.D], Alike);
        Assert.Equal([dx, factors, dx], Views(operations[4]), Alike);
        Assert.Equal([x, factors, ofWeight.B], Views(operations[5]), Alike);
        Assert.Equal([weights, dw], [ofWeight.A, ofWeight.D], Alike);
        Assert.Equal((BF16, true, null), (ofWeight.B.Storage.Type, ofWeight.TransposeA, ofWeight.C));
    }

    [Fact]
    public void A_row_has_a_sum_of_its_own_for_every_tile_of_columns_and_for_a_last_one_that_is_partly_there()
    {
        var operations = Lower(WantedGradients.Both, Inputs(300, 1000, 72), Dense(F32, 300), Dense(BF16, 300, 72), Dense(F32, 1000, 72));
        var sums = Members(operations[1])[3];
        Assert.Equal((F32, true), (sums.Storage.Type, sums.IsDense));
        Assert.Equal([300, 4], sums.Shape.Extents.ToArray());
        Assert.Equal(("1", "2", "4"), (operations[1].Define("SUMMED"), operations[1].Define("ROW_INPUTS"), operations[2].Define("TILES")));
        Assert.Contains(
            """
                    const float a0 = to_float(products[0].at[e]);
                    const float a1 = own[0];
                    const float a2 = own[1];
                    const int target = __float_as_int(a2);
                    const float weight = target < 0 || column + e == target ? 0.0f : exp2_fast(fmaf(a0, 1.44269504f, -1.44269504f * a1));
                    z0[e] = weight;
                    sum += weight;
                }
                if (valid)
                {
                    store_floats(to.y0 + (i64)row * 1000 + column, z0);
                }
                return valid ? sum : 0;
            }

            """,
            ((Launch)operations[1]).Kernel.Source);
    }

    [Fact]
    public void Chunks_share_their_scratch_memory_and_the_last_may_be_smaller()
    {
        var context = Context();
        var (rows, vocabulary) = (16640, 50304);
        var operations = Lower(WantedGradients.Both, Inputs(rows, vocabulary, 768), context, Dense(F32, rows), Dense(BF16, rows, 768), Dense(F32, vocabulary, 768));

        var products = operations.Where(o => Name(o) == "product_hopper").ToArray();
        Assert.Equal(["4224", "4224", "4224", "3968"], products.Select(p => p.Define("ROWS")));
        Assert.Equal([4224L * 50304 * 2, 4224 * 4, 4224 * 197 * 4, 4224 * 4, 4224 * 768 * 2], context.AllScratch.Select(s => s.Bytes));
        Assert.Equal([false, true, true, true], operations.OfType<Product>().Where(p => p.TransposeA).Select(p => p.C is not null));
    }

    [Theory]
    [InlineData(true, false, "Product scale_rows")]
    [InlineData(false, true, "scale_rows Product")]
    public void A_gradient_that_is_not_wanted_takes_nothing(bool input, bool weight, string last)
    {
        var context = Context();
        var operations = Lower(new WantedGradients(input, weight), Inputs(300, 1000, 72), context, Dense(F32, 300), input ? Dense(BF16, 300, 72) : Dense(F32, 1000, 72));
        Assert.Equal($"target_logits product_hopper cross_entropy_weights {last}", string.Join(' ', operations.Select(Name)));
        Assert.Equal(weight ? 5 : 4, context.AllScratch.Count);
    }

    [Fact]
    public void Rows_of_another_element_are_converted_and_the_gradient_keeps_its_own()
    {
        View[] inputs = [Dense(F32, 300, 72), .. Inputs(300, 1000, 72)[1..]];
        var dx = Columns(F32, 300, 200, 8, 72);
        var operations = Lower(new WantedGradients(Input: true, Weight: false), inputs, Dense(F32, 300), dx);
        Assert.Equal(["copy", "target_logits", "product_hopper", "cross_entropy_weights", "Product", "scale_rows"], operations.Select(Name));
        Assert.Equal(BF16, Views(operations[1])[0].Storage.Type);
        Assert.Equal(dx, ((Product)operations[4]).D, Alike);
        Assert.Equal(dx, Views(operations[5])[^1], Alike);
    }

    [Fact]
    public void A_sum_of_gradients_is_added_to_by_the_product_of_scaled_rows()
    {
        var op = new LinearCrossEntropyGradientAdd(new LinearCrossEntropyGradient(WantedGradients.Both));
        var sum = Dense(F32, 1000, 72);
        var operations = CrossEntropyLowering.Lower(op, Step(op, [.. Inputs(300, 1000, 72), sum], Dense(F32, 300), Dense(BF16, 300, 72), sum), Context());
        var product = Assert.Single(operations.OfType<Product>(), p => p.TransposeA);
        Assert.True(product.C == sum && product.D == sum);
    }

    [Theory]
    [InlineData(BF16, 72, 1003, 9)] // rows of logits that are not whole vectors
    [InlineData(BF16, 76, 1000, 9)] // rows that do not begin at multiples of 16 bytes
    [InlineData(F32, 72, 1000, 9)]
    [InlineData(BF16, 72, 1000, 8)]
    public void Operands_that_the_product_cannot_read_have_a_pass_over_the_logits(Element element, int width, int vocabulary, int major)
    {
        var op = new LinearCrossEntropyGradient(WantedGradients.Both);
        View[] inputs = [Dense(element, 300, width), Dense(element, vocabulary, width), Dense(Element.Int32, 300), Dense(F32, 300)];
        var step = Step(op, inputs, Dense(F32, 300), Dense(element, 300, width), Dense(F32, vocabulary, width));
        var operations = CrossEntropyLowering.Lower(op, step, new LoweringContext(DeviceProfile.H100 with { Major = major }));
        Assert.Equal(["Product", "cross_entropy", "Product", "Product"], operations.Select(Name));
    }

    private static View[] Inputs(int rows, int vocabulary, int width) => [Dense(BF16, rows, width), Dense(BF16, vocabulary, width), Dense(Element.Int32, rows), Dense(F32, rows)];

    private static IReadOnlyList<Operation> Lower(WantedGradients wanted, View[] inputs, params View[] outputs) => Lower(wanted, inputs, Context(), outputs);

    private static IReadOnlyList<Operation> Lower(WantedGradients wanted, View[] inputs, LoweringContext context, params View[] outputs)
    {
        var op = new LinearCrossEntropyGradient(wanted);
        return CrossEntropyLowering.Lower(op, Step(op, inputs, outputs), context);
    }

    private static string Name(Operation operation) => operation is Launch launch ? launch.Kernel.Name : operation.GetType().Name;

    private static View[] Views(Operation launch) => [.. ((Launch)launch).Arguments.OfType<Argument.Pointer>().Select(p => p.View)];

    /// <summary>What the product's one argument holds behind the maps of its factors: weights, target logits, targets, sums.</summary>
    private static View[] Members(Operation product) =>
        [.. ((Argument.Struct)((Launch)product).Arguments.Single()).Members.OfType<Argument.Pointer>().Select(p => p.View)];

    private static bool Alike(View a, View b) => (a.Storage, a.Offset) == (b.Storage, b.Offset);
}
