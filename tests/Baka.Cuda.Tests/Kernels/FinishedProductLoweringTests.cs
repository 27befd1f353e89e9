using Baka.Compiler.Fusion;
using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using Baka.Cuda.Lowering;
using Baka.Graph;
using Baka.Graph.Ops;
using static Baka.Cuda.Tests.Kernels.Operands;

namespace Baka.Cuda.Tests.Kernels;

public sealed class FinishedProductLoweringTests
{
    private const Element F32 = Element.Float32;
    private const Element BF16 = Element.BFloat16;

    private static readonly Shape Results = new(16640, 3072);

    [Fact]
    public void A_program_becomes_the_end_of_the_kernel_of_the_product_it_reads()
    {
        var (a, b, gate) = (Dense(BF16, 16640, 768), Dense(BF16, 768, 3072), Columns(BF16, 16640, 10752, 3072, 3072));
        var (first, second) = (Dense(BF16, 16640, 3072), Columns(BF16, 16640, 13824, 3072, 3072));
        var launch = (Launch)Assert.Single(FinishedProductLowering.Lower(Op(false, 1, false), Step(Op(false, 1, false), [a, b, gate], first, second), Context()));

        Assert.Equal((new Grid(132), 384), (launch.Grid, launch.Threads));
        Assert.InRange(launch.SharedBytes, 1, DeviceProfile.H100.SharedBytesPerBlock);
        Assert.Equal(("16640", "3072", "768", "1", "1", "1", "{10752}"), (
            launch.Define("ROWS"), launch.Define("COLUMNS"), launch.Define("DEPTH"), launch.Define("PARTS"), launch.Define("B_TURNED"), launch.Define("INPUTS"), launch.Define("X_STRIDES")));
        var operands = Assert.IsType<Argument.Struct>(Assert.Single(launch.Arguments));
        Assert.Equal([new Argument.Map(a, 128), new Argument.Map(b, 64)], operands.Members.Take(2).Select((m, i) => ((Argument.Map)m) with { Matrix = i == 0 ? a : b }));
        Assert.Equal([gate, first, second], operands.Members.Skip(2).Select(m => ((Argument.Pointer)m).View));
        Assert.Contains(
            """
            struct Results
            {
                bf16* y0;
                bf16* y1;
            };

            __device__ __forceinline__ float finish(
                const Results& to, const Pack<bf16, 8>* inputs, const Pack<bf16, 8>* products, const float* own, int row, int column, bool valid)
            {
                float sum = 0;
                float z0[8];
                float z1[8];
            #pragma unroll
                for (int e = 0; e < 8; e++)
                {
                    const float a0 = to_float(products[0].at[e]);
                    const float a1 = to_float(inputs[0].at[e]);
                    const float r0 = sigmoid(a0);
                    const float r1 = r0 * a1;
                    z0[e] = r0;
                    z1[e] = r1;
                }
                if (valid)
                {
                    store_floats(to.y0 + (i64)row * 3072 + column, z0);
                    store_floats(to.y1 + (i64)row * 13824 + column, z1);
                }
                return valid ? sum : 0;
            }

            """,
            launch.Kernel.Source);
    }

    [Fact]
    public void A_pair_of_products_is_kept_in_front_of_the_program_s_results()
    {
        var (a, gate, up) = (Dense(BF16, 16640, 768), Dense(BF16, 3072, 768), Dense(BF16, 3072, 768));
        View[] outputs = [.. Enumerable.Range(0, 4).Select(_ => Dense(BF16, 16640, 3072))];
        var launch = (Launch)Assert.Single(FinishedProductLowering.Lower(Op(true, 2, true), Step(Op(true, 2, true), [a, gate, up], outputs), Context()));

        Assert.Equal(("2", "0", "0"), (launch.Define("PARTS"), launch.Define("B_TURNED"), launch.Define("INPUTS")));
        Assert.Contains("z0[e] = a0;\n        z1[e] = a1;\n        z2[e] = r0;\n        z3[e] = r1;\n", launch.Kernel.Source);
    }

    [Theory]
    [InlineData(9, F32, 3072)]
    [InlineData(9, BF16, 3076)]
    [InlineData(8, BF16, 3072)]
    public void Operands_that_the_kernel_cannot_read_are_multiplied_first(int major, Element element, int width)
    {
        var context = new LoweringContext(DeviceProfile.H100 with { Major = major });
        View[] inputs = [Dense(BF16, 16640, 768), Dense(BF16, 768, 3072), Columns(element, 16640, width, 0, 3072)];
        var operations = FinishedProductLowering.Lower(Op(false, 1, false), Step(Op(false, 1, false), inputs, Dense(BF16, 16640, 3072), Dense(BF16, 16640, 3072)), context);

        var product = Assert.IsType<Product>(operations[0]);
        Assert.Equal(("elementwise", product.D), (((Launch)operations[1]).Kernel.Name, ((Argument.Pointer)((Launch)operations[1]).Arguments[0]).View));
        Assert.Equal(2, operations.Count);
    }

    [Theory]
    [InlineData(1, true)]
    [InlineData(2, false)] // a warp then has rows of two products
    public void Rows_of_tiles_can_be_summed_where_a_tile_is_of_one_product(int products, bool fits)
    {
        var b = Enumerable.Repeat(Dense(BF16, 3072, 768), products).ToArray();
        var sums = Dense(F32, 16640, ProductHopper.TilesAcross(3072, products));
        Assert.Equal([16640, 12 * products], sums.Shape.Extents.ToArray());
        Assert.Equal(fits, new ProductHopper(Dense(BF16, 16640, 768), b) { Outputs = [Dense(BF16, 16640, 3072)], Sums = sums }.Fits(DeviceProfile.H100));
    }

    [Fact]
    public void Steps_are_a_product_whose_left_rows_go_on_in_the_rows_before()
    {
        var op = new StepLinear(4, 1, 0);
        var launch = (Launch)Assert.Single(FinishedProductLowering.Lower(op, Step(op, [Dense(BF16, 32, 520, 768), Dense(BF16, 768, 3072)], Dense(BF16, 32, 520, 768)), Context()));

        Assert.Equal(("16640", "768", "3072", "768", "-3"), (launch.Define("ROWS"), launch.Define("COLUMNS"), launch.Define("DEPTH"), launch.Define("A_WIDTH"), launch.Define("A_SHIFT")));
        Assert.Contains("z0[e] = row % 520 < 3 ? 0.0f : a0;", launch.Kernel.Source);
    }

    [Fact]
    public void No_name_defined_in_front_means_something_else_in_the_files_that_follow()
    {
        var op = new StepLinear(4, 1, 0);
        var launch = (Launch)Assert.Single(FinishedProductLowering.Lower(op, Step(op, [Dense(BF16, 32, 520, 768), Dense(BF16, 768, 3072)], Dense(BF16, 32, 520, 768)), Context()));
        var names = launch.Kernel.Source.Split('\n').TakeWhile(line => line.StartsWith("#define ", StringComparison.Ordinal)).Select(line => line.Split(' ')[1]).ToArray();

        Assert.NotEmpty(names);
        Assert.All(names, name => Assert.DoesNotMatch($@"\b{name}\b", SourceFiles.Read("Hopper.cuh") + SourceFiles.Read("ElementwiseFunctions.cuh")));
    }

    /// <summary>The sigmoid of a product, and that times what comes next.</summary>
    private static FinishedProduct Op(bool transposeB, int products, bool keeps) => new(transposeB, products, keeps, new FusedElementwise(
        [
            new Instruction(new Unary(UnaryFunction.Sigmoid), [Operand.Input(0)]),
            new Instruction(new Binary(BinaryFunction.Multiply), [Operand.Register(0), Operand.Input(1)]),
        ],
        [0, 1],
        [Results, Results]));

}
