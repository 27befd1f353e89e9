using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;
using static Baka.Cuda.Tests.Kernels.Operands;

namespace Baka.Cuda.Tests.Kernels;

public class ScanLoweringTests
{
    private const Element F32 = Element.Float32;
    private const Element BF16 = Element.BFloat16;

    [Theory]
    [InlineData(16, "4", "32", 384, 128)] // four threads share a channel's states
    [InlineData(4, "1", "64", 192, 64)] // one holds them all
    [InlineData(5, "2", "64", 192, 128)]
    [InlineData(128, "32", "4", 3072, 128)] // a warp
    public void The_states_of_a_channel_are_shared_by_as_many_threads_as_they_need(int states, string lanes, string channels, int blocks, int threads)
    {
        var launch = (Launch)Assert.Single(Forward(selective: true, rows: 8, slots: 2080, channels: 1536, states));
        Assert.Equal((threads, new Grid(blocks), 0), (launch.Threads, launch.Grid, launch.SharedBytes));
        Assert.Equal((lanes, channels, "32"), (launch.Define("LANES"), launch.Define("CHANNELS"), launch.Define("LENGTH")));
        Assert.Equal(("bf16", "float", "float"), (launch.Define("U_TYPE"), launch.Define("DECAY_TYPE"), launch.Define("FINAL_TYPE")));
    }

    [Theory]
    [InlineData(1536, 16, "4", "4")] // a vector of floats in shared memory
    [InlineData(1532, 12, "4", "4")]
    [InlineData(1535, 3, "1", "1")]
    [InlineData(64, 128, "1", "4")] // a warp a channel: each thread has one number of a chunk
    public void As_many_numbers_are_read_at_once_as_widths_allow(int channels, int states, string slots, string shared)
    {
        var launch = (Launch)Assert.Single(Forward(selective: true, rows: 2, slots: 70, channels, states));
        Assert.Equal((slots, shared), (launch.Define("SLOT_VECTOR"), launch.Define("STATE_VECTOR")));
    }

    [Fact]
    public void A_constant_scan_reads_neither_step_nor_gain()
    {
        var launch = (Launch)Assert.Single(Forward(selective: false, rows: 2, slots: 40, channels: 64, states: 16));
        Assert.Equal("0", launch.Define("SELECTIVE"));
        Assert.Equal(12, launch.Arguments.Count);
    }

    [Fact]
    public void Gradients_that_rows_or_channels_share_are_summed_from_parts()
    {
        var operations = Backward(selective: true, rows: 8, slots: 2080, channels: 1536, states: 16, Context()).Cast<Launch>().ToArray();
        Assert.Equal("scan_backward", operations[0].Kernel.Name);
        Assert.Equal(["sum_columns", "sum_columns"], operations[1..].Select(o => o.Kernel.Name));
        Assert.Equal(new Grid(8 * 48), operations[0].Grid);

        // The states before every other slot of 32, 4 of each of 128 threads, two sums of 16 states for each slot and warp, three numbers of 32 channels
        // (and 8 that are none) for each slot, biases, gain and readout as they come in four orders (and one that is none), and room for alignment.
        Assert.Equal(4 * (16 * 128 * 4 + 2 * 4 * 32 * 16 + 32 * 3 * 40 + 32) + 2 * 2 * 5 * 32 * 16 + 16, operations[0].SharedBytes);
        var parts = operations[0].Arguments.TakeLast(5).Select(a => ((Argument.Pointer)a).View.Shape.Extents.ToArray());
        Assert.Equal([[8, 16, 1536], [48, 8, 2080, 16], [48, 8, 2080, 16], [8, 1536], [8, 1536]], parts);
    }

    [Theory]
    [InlineData(true, 16, "1")] // four states a thread, four orders among the eight channels of a warp
    [InlineData(true, 5, "0")] // three
    [InlineData(true, 128, "0")] // a channel a warp
    [InlineData(false, 16, "0")] // nothing to sum over channels
    public void Neighboring_channels_hold_their_states_in_orders_that_suit_sums_over_them(bool selective, int states, string turned) =>
        Assert.Equal(turned, Backward(selective, rows: 1, slots: 100, channels: 64, states, Context())[0].Define("TURNED"));

    [Fact]
    public void Where_shared_memory_is_short_a_block_takes_fewer_channels()
    {
        var small = new LoweringContext(DeviceProfile.H100 with { SharedBytesPerBlock = 49152 });
        var launch = (Launch)Backward(selective: true, rows: 1, slots: 100, channels: 64, states: 16, small)[0];
        Assert.Equal(("16", 64), (launch.Define("CHANNELS"), launch.Threads));
        Assert.InRange(launch.SharedBytes, 1, 49152);

        var none = new LoweringContext(DeviceProfile.H100 with { SharedBytesPerBlock = 1000 });
        Assert.Throws<NotSupportedException>(() => Backward(selective: true, rows: 1, slots: 100, channels: 64, states: 16, none));
    }

    private static IReadOnlyList<Operation> Forward(bool selective, int rows, int slots, int channels, int states)
    {
        var (u, state) = (Dense(BF16, rows, slots, channels), Dense(F32, rows, states, channels));
        var kept = Dense(F32, rows, Scan.Chunks(slots), states, channels);
        return ScanLowering.Lower(new Scan(selective), Step(new Scan(selective), Inputs(selective, u, state), u, state, kept), Context());
    }

    private static IReadOnlyList<Operation> Backward(bool selective, int rows, int slots, int channels, int states, LoweringContext context)
    {
        var (u, state) = (Dense(BF16, rows, slots, channels), Dense(F32, rows, states, channels));
        var inputs = Inputs(selective, u, state);
        var op = new ScanBackward(selective, HasFinal: true);
        View[] outputs = [u, state, .. inputs[3..]];
        return ScanLowering.Lower(op, Step(op, [.. inputs, Dense(F32, rows, Scan.Chunks(slots), states, channels), u, state], outputs), context);
    }

    private static View[] Inputs(bool selective, View u, View state)
    {
        var (rows, slots, states, channels) = (u.Shape[0], u.Shape[1], state.Shape[1], u.Shape[2]);
        View[] always = [u, Dense(F32, rows, slots), state, Dense(F32, states, channels)];
        return selective
            ? [.. always, Dense(BF16, rows, slots, states), u, Dense(BF16, rows, slots, states), Dense(F32, channels), Dense(F32, channels)]
            : [.. always, Dense(F32, states, channels)];
    }
}
