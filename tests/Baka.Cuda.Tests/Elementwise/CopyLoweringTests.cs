using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using Baka.Cuda.Lowering;
using Baka.Graph;
using static Baka.Cuda.Tests.Elementwise.ElementwiseLoweringTests;

namespace Baka.Cuda.Tests.Elementwise;

public sealed class CopyLoweringTests
{
    [Fact]
    public void Dense_tensors_are_one_run_whatever_their_rank()
    {
        var shape = new Shape(3, 1, 16, 8);
        var launch = Lower(Dense(Element.Float32, shape), Dense(Element.BFloat16, shape));
        Assert.StartsWith("// Over [n], a thread for 8 neighbors.", launch.Kernel.Source, StringComparison.Ordinal);
        Assert.Contains("const Pack<float, 8> p0 = load_pack<8>(&x0[i0]);", launch.Kernel.Source, StringComparison.Ordinal);
        Assert.Equal(new Argument.Int(48), launch.Arguments[^1]);
    }

    [Fact]
    public void Heads_change_place_with_rows_by_whole_vectors()
    {
        var from = Dense(Element.BFloat16, new Shape(2, 10, 4, 64)).Permute([0, 2, 1, 3]);
        var launch = Lower(from, Dense(Element.BFloat16, from.Shape));
        Assert.StartsWith("// Over [n, 4, 10, 64], a thread for 8 neighbors.", launch.Kernel.Source, StringComparison.Ordinal);
        Assert.Contains("&x0[i3 * 2560 + i2 * 64 + i1 * 256 + i0]", launch.Kernel.Source, StringComparison.Ordinal);
    }

    [Fact]
    public void The_target_decides_the_order_of_the_walk()
    {
        var to = Dense(Element.Float32, new Shape(16, 12)).Permute([1, 0]);
        var launch = Lower(Dense(Element.Float32, new Shape(16, 12)).Permute([1, 0]), to);
        Assert.StartsWith("// Over [n], a thread for 4 neighbors.", launch.Kernel.Source, StringComparison.Ordinal);
    }

    [Fact]
    public void One_value_fills_a_tensor()
    {
        var part = Dense(Element.BFloat16, new Shape(10, 64)).Slice(1, 8, 16);
        var zero = new View(new Storage(StorageKind.Constant, "constant", Element.Float32, 1), 0, part.Shape, [0, 0]);
        var launch = Lower(zero, part);
        Assert.StartsWith("// Over [n, 16], a thread for 8 neighbors.", launch.Kernel.Source, StringComparison.Ordinal);
        Assert.Contains("const float a0 = to_float(x0[0]);", launch.Kernel.Source, StringComparison.Ordinal);
        Assert.Contains("store_floats(&y0[i1 * 64 + i0], z0);", launch.Kernel.Source, StringComparison.Ordinal);
    }

    [Fact]
    public void Transposition_goes_through_tiles()
    {
        var from = Dense(Element.Float32, new Shape(3, 40, 5, 70)).Permute([0, 3, 2, 1]);
        var launch = Lower(from, Dense(Element.BFloat16, from.Shape));
        Assert.Equal("copy_transposed", launch.Kernel.Name);
        Assert.Equal(new Grid(3 * 5 * 2 * 3), launch.Grid);
        Assert.StartsWith(
            """
            #define X float
            #define Y bf16
            #define A 40
            #define B 70
            #define X_A 350
            #define Y_B 200
            #define INDEX u32
            #define X_OUTER (o / 5 % 3 * 14000 + o / 1 % 5 * 70 + 0)
            #define Y_OUTER (o / 5 % 3 * 14000 + o / 1 % 5 * 40 + 0)

            """,
            launch.Kernel.Source);
    }

    [Fact]
    public void Integers_keep_their_bits_and_become_nothing_else()
    {
        var shape = new Shape(6);
        var launch = Lower(Dense(Element.Int32, shape), Dense(Element.Int32, shape));
        Assert.Contains("const float* x0", launch.Kernel.Source, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => Lower(Dense(Element.Int32, shape), Dense(Element.Float32, shape)));
    }

    private static Launch Lower(View from, View to) => (Launch)Assert.Single(CopyLowering.Lower(from, to, new LoweringContext(DeviceProfile.H100)));
}
