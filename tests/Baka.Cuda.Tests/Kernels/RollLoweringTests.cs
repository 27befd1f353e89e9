using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;
using static Baka.Cuda.Tests.Kernels.Operands;

namespace Baka.Cuda.Tests.Kernels;

public class RollLoweringTests
{
    [Fact]
    public void Heads_are_read_where_they_lie_side_by_side()
    {
        var op = new Roll(Back: true);
        var x = Dense(Element.BFloat16, 8, 2080, 8, 64).Permute([0, 2, 1, 3]);
        var cycles = Dense(Element.Int32, 512);
        var step = Step(op, [x, Dense(Element.Int32, 2080), cycles, cycles], Dense(Element.BFloat16, 8, 8, 2080, 64));
        var launch = (Launch)Assert.Single(RollLowering.Lower(op, step));

        Assert.Equal((new Grid(8 * 8 * 2080 * 64 / 256), 256), (launch.Grid, launch.Threads));
        Assert.Equal(("1", "8", "2080", "64"), (launch.Define("BACK"), launch.Define("HEADS"), launch.Define("SLOTS"), launch.Define("WIDTH")));
        Assert.Equal(("1064960", "64", "512"), (launch.Define("X_ROW_STRIDE"), launch.Define("X_HEAD_STRIDE"), launch.Define("X_SLOT_STRIDE")));
    }
}
