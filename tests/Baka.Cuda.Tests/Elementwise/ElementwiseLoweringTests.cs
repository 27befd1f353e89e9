using Baka.Compiler.Fusion;
using Baka.Compiler.Plans;
using Baka.Cuda.Elementwise;
using Baka.Cuda.Lowering;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Cuda.Tests.Elementwise;

public sealed class ElementwiseLoweringTests
{
    private static readonly Shape Rows = new(100, 24);

    [Fact]
    public void A_kernel_reads_as_if_written_by_hand()
    {
        var launch = Lower(
            [Columns(Element.BFloat16, Rows, 64, 16), PerRow(Element.Float32, Rows), Dense(Element.BFloat16, Rows)],
            [Dense(Element.BFloat16, Rows)]);
        Assert.Equal(
            """
            // Over [n, 24], a thread for 8 neighbors.
            extern "C" __global__ void __launch_bounds__(256) elementwise(
                const bf16* x0, // strides (64, 1)
                const float* x1, // strides (1, 0)
                const bf16* x2, // strides (24, 1)
                bf16* y0, // strides (24, 1)
                u32 vectors)
            {
                const u32 block = blockIdx.x;
                const u32 vector = (u32)block * 256 + threadIdx.x;
                if (vector >= vectors)
                    return;

                const u32 i0 = vector % 3 * 8;
                const u32 i1 = vector / 3;
                const Pack<bf16, 8> p0 = load_pack<8>(&x0[i1 * 64 + i0]);
                const float a1 = to_float(x1[i1]);
                const Pack<bf16, 8> p2 = load_pack<8>(&x2[i1 * 24 + i0]);
                float z0[8];
            #pragma unroll
                for (int e = 0; e < 8; e++)
                {
                    const float a0 = to_float(p0.at[e]);
                    const float a2 = to_float(p2.at[e]);
                    const float r0 = maximum(a0, 0.0f);
                    const float r1 = r0 * a1;
                    const float r2 = r1 + a2;
                    z0[e] = r2;
                }

                store_floats(&y0[i1 * 24 + i0], z0);
            }

            """,
            Text(launch));
        Assert.Equal(new Grid(2), launch.Grid);
        Assert.Equal(256, launch.Threads);
        Assert.Equal(new Argument.Int(300), launch.Arguments[^1]);
    }

    [Fact]
    public void Elements_that_do_not_fit_into_vectors_are_computed_one_by_one()
    {
        var shape = new Shape(2, 3, 5);
        var launch = Lower([Dense(Element.BFloat16, shape), Dense(Element.BFloat16, shape), Columns(Element.Float32, shape, 7, 1)], [Dense(Element.BFloat16, shape)]);
        Assert.Contains(
            """
                const u32 i0 = vector % 5;
                const u32 i1 = vector / 5;
                const float a0 = to_float(x0[i1 * 5 + i0]);
                const float a1 = to_float(x1[i1 * 5 + i0]);
                const float a2 = to_float(x2[i1 * 7 + i0]);
                const float r0 = maximum(a0, 0.0f);
                const float r1 = r0 * a1;
                const float r2 = r1 + a2;
                y0[i1 * 5 + i0] = from_float<bf16>(r2);
            }

            """,
            launch.Kernel.Source);
        Assert.Equal(new Argument.Int(30), launch.Arguments[^1]);
    }

    [Theory]
    [InlineData(Element.BFloat16, Element.BFloat16, 24, 64, 16, 8)] // as it should be
    [InlineData(Element.Float32, Element.BFloat16, 24, 64, 16, 8)] // outputs decide: 16 bytes of them
    [InlineData(Element.BFloat16, Element.Float32, 24, 64, 16, 4)]
    [InlineData(Element.Float32, Element.Float32, 24, 64, 16, 4)]
    [InlineData(Element.BFloat16, Element.BFloat16, 24, 64, 4, 4)] // columns begin at an odd multiple of 8 bytes
    [InlineData(Element.BFloat16, Element.BFloat16, 24, 30, 0, 2)] // so do rows
    [InlineData(Element.BFloat16, Element.BFloat16, 20, 64, 0, 4)] // rows end there
    [InlineData(Element.BFloat16, Element.BFloat16, 21, 64, 0, 1)]
    [InlineData(Element.BFloat16, Element.BFloat16, 24, 64, 3, 1)]
    [InlineData(Element.Float32, Element.Float32, 24, 25, 0, 1)]
    public void Vectors_are_as_wide_as_places_allow(Element input, Element output, int width, int pitch, int start, int expected)
    {
        var shape = new Shape(10, width);
        var walk = new VectorWalk([Columns(input, shape, pitch, start), PerRow(Element.Float32, shape)], [Dense(output, shape)]);
        Assert.Equal(expected, walk.Width);
        Assert.Equal(shape.Count / expected, walk.Vectors);
        Assert.Equal(expected > 1, walk.IsVector(0));
        Assert.False(walk.IsVector(1));
    }

    [Fact]
    public void Layers_and_numbers_of_rows_share_a_kernel()
    {
        var layer = Lower([Columns(Element.BFloat16, Rows, 64, 16), PerRow(Element.Float32, Rows), Dense(Element.BFloat16, Rows)], [Dense(Element.BFloat16, Rows)]);
        var more = new Shape(7000, 24);
        var other = Lower([Columns(Element.BFloat16, more, 64, 40), PerRow(Element.Float32, more), Dense(Element.BFloat16, more)], [Dense(Element.BFloat16, more)]);
        Assert.Equal(layer.Kernel, other.Kernel);
        Assert.Equal(new Argument.Int(21000), other.Arguments[^1]);
    }

    [Fact]
    public void Tensors_of_every_size_share_a_kernel_where_nothing_lies_apart()
    {
        Launch Of(Shape shape) => Lower([Dense(Element.Float32, shape), Scalar(shape), Dense(Element.Float32, shape)], [Dense(Element.Float32, shape)]);
        var matrix = Of(new Shape(300, 768));
        Assert.Equal(matrix.Kernel, Of(new Shape(768)).Kernel);
        Assert.Contains("const float a1 = to_float(x1[0]);", matrix.Kernel.Source, StringComparison.Ordinal);
    }

    [Fact]
    public void Places_beyond_32_bits_are_computed_in_64()
    {
        var shape = new Shape(100_000, 24);
        var walk = new VectorWalk([Columns(Element.BFloat16, shape, 50_000, 0)], [Dense(Element.BFloat16, shape)]);
        Assert.True(walk.IsLong);
        Assert.Equal("const u64 i1 = vector / 3;", walk.Coordinates().Last());
        Assert.Equal("i1 * 50000 + i0", walk.Offset(0));
    }

    [Fact]
    public void Operands_are_passed_in_the_order_of_the_parameters()
    {
        View[] inputs = [Dense(Element.Float32, Rows), PerRow(Element.Float32, Rows), Dense(Element.Float32, Rows)];
        var launch = Lower(inputs, [inputs[2]]);
        Assert.Equal([.. inputs.Append(inputs[2]).Select(view => (Argument)view), new Argument.Int(600)], launch.Arguments);
    }

    internal static View Dense(Element element, Shape shape) => new(new Storage(StorageKind.Arena, "dense", element, shape.Count), shape);

    /// <summary>Columns of a wider matrix, whose rows are <paramref name="pitch"/> apart.</summary>
    private static View Columns(Element element, Shape shape, int pitch, int start)
    {
        var wide = shape.With(-1, pitch);
        return Dense(element, wide).Slice(shape.Rank - 1, start, shape[-1]);
    }

    /// <summary>One number for every row.</summary>
    private static View PerRow(Element element, Shape shape) => Dense(element, shape.With(-1, 1)).Broadcast(shape);

    private static View Scalar(Shape shape) => new(new Storage(StorageKind.Input, "scalar", Element.Float32, 1), 0, shape, new long[shape.Rank]);

    /// <summary>relu(x0) · x1 + x2.</summary>
    private static Launch Lower(View[] inputs, View[] outputs)
    {
        var op = new FusedElementwise(
            [
                new(new Binary(BinaryFunction.Maximum), [Operand.Input(0), Operand.Immediate(0)]),
                new(new Binary(BinaryFunction.Multiply), [Operand.Register(0), Operand.Input(1)]),
                new(new Binary(BinaryFunction.Add), [Operand.Register(1), Operand.Input(2)]),
            ],
            [2],
            [outputs[0].Shape]);
        return (Launch)Assert.Single(ElementwiseLowering.Lower(op, new Step(op, "test", inputs, outputs), new LoweringContext(DeviceProfile.H100)));
    }

    /// <summary>What follows after the functions.</summary>
    private static string Text(Launch launch) => launch.Kernel.Source[launch.Kernel.Source.IndexOf("// Over", StringComparison.Ordinal)..];
}
