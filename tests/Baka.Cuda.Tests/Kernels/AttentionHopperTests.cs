using System.Text.RegularExpressions;
using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;

namespace Baka.Cuda.Tests.Kernels;

public sealed class AttentionHopperTests
{
    private readonly LoweringContext _context = new(DeviceProfile.H100);

    [Fact]
    public void One_block_for_each_multiprocessor_takes_items_that_are_counted_from_zero()
    {
        var operations = Forward(new AttentionSteps());
        var launch = Assert.IsType<Launch>(operations[^1]);
        Assert.Equal("attention_hopper_forward", launch.Kernel.Name);
        Assert.Equal(new Grid(132), launch.Grid);

        // Items of 192 queries.
        Assert.Equal("11", Define(launch, "TILES"));
        Assert.Equal(Counters(Launches(operations)[0]), Counters(launch));
    }

    [Fact]
    public void Blocks_that_have_no_item_are_not_started()
    {
        // Two rows of one head, each with 70 queries and a stream of 140 slots.
        var sizes = new AttentionSteps(Batch: 2, Windows: 1, Slots: 70, Past: 70, Heads: 1, RowStride: 256);
        Assert.Equal(2, Launches(Forward(sizes))[^1].Grid.X);
        Assert.Equal([2, 4], Launches(Backward(sizes)).TakeLast(2).Select(l => l.Grid.X));
    }

    [Theory]
    [InlineData(64, 3)]
    [InlineData(68, 1)]
    [InlineData(96, 1)]
    [InlineData(108, 1)]
    [InlineData(128, 1)]
    public void Registers_that_are_passed_on_are_there(int headWidth, int kernels)
    {
        var sizes = new AttentionSteps(HeadWidth: headWidth);
        var launches = Launches([.. Forward(sizes), .. Backward(sizes)]).Where(l => l.Kernel.Source.Contains("GROUPS ", StringComparison.Ordinal)).ToArray();
        Assert.Equal(kernels, launches.Length);
        foreach (var launch in launches)
        {
            int Number(string name) => int.Parse(Define(launch, name), System.Globalization.CultureInfo.InvariantCulture);
            var groups = Number("GROUPS");
            Assert.Equal((groups + 1) * 128, launch.Threads);

            // What a warpgroup has at first is the same for all and a multiple of 8.
            var atFirst = 65536 / launch.Threads / 8 * 8;
            Assert.InRange((groups * Number("COMPUTING_REGISTERS")) + Number("LOADING_REGISTERS"), 1, (groups + 1) * atFirst);
            Assert.All(new[] { "COMPUTING_REGISTERS", "LOADING_REGISTERS" }, name => Assert.Equal((0, true), (Number(name) % 8, Number(name) is >= 24 and <= 256)));
            Assert.InRange(launch.SharedBytes, 1, DeviceProfile.H100.SharedBytesPerBlock);
        }
    }

    [Theory]
    [InlineData(66, 80)]
    [InlineData(96, 96)]
    [InlineData(108, 112)]
    [InlineData(128, 128)]
    public void Groups_of_warps_multiply_wider_heads_and_all_blocks_find_room(int headWidth, int padded)
    {
        var sizes = new AttentionSteps(HeadWidth: headWidth);
        var launches = Launches([.. Forward(sizes), .. Backward(sizes)]).Where(l => l.Kernel.Name is "attention_forward" or "attention_query_gradient").ToArray();
        Assert.Equal(2, launches.Length);
        foreach (var launch in launches)
        {
            int Number(string name) => int.Parse(Define(launch, name), System.Globalization.CultureInfo.InvariantCulture);
            Assert.Contains("multiply_by_rows(in_line(", launch.Kernel.Source, StringComparison.Ordinal);
            Assert.Equal(Number("WARPS") * 32, launch.Threads);

            // Of the memory of a multiprocessor each block takes 1 KB more than it says.
            Assert.InRange(Number("BLOCKS") * (launch.SharedBytes + 1024), 1, 228 * 1024);
        }

        // Results leave through the ring of keys and values, two tiles of two squares a stage.
        var forward = launches[0];
        int Defined(string name) => int.Parse(Define(forward, name), System.Globalization.CultureInfo.InvariantCulture);
        Assert.InRange(Defined("WARPS") * 16 * (padded + 8) * sizeof(float), 1, Defined("STAGES") * 2 * 2 * 8192);
    }

    [Theory]
    [InlineData(64, 64, 6)]
    [InlineData(70, 96, 5)]
    [InlineData(96, 96, 5)]
    [InlineData(108, 128, 2)]
    public void Gradients_of_keys_of_any_width_are_left_to_warpgroups(int headWidth, int stored, int stages)
    {
        var launches = Launches(Backward(new AttentionSteps(HeadWidth: headWidth)));
        var (queries, keys) = (launches[^2], launches[^1]);
        Assert.Equal(("attention_hopper_key_gradient", $"{stages}"), (keys.Kernel.Name, Define(keys, "STAGES")));

        // Tiles of queries are what the kernel before leaves, and the packing leaves a counter of items.
        View[] taken = [.. keys.Arguments.Skip(4).Take(5).Select(a => Assert.IsType<Argument.Pointer>(a).View)];
        Assert.Equal(taken, queries.Arguments.OfType<Argument.Pointer>().Select(a => a.View).SkipWhile(view => view != taken[0]).Take(5));
        Assert.Equal(stored, taken[0].Shape[3]);
        Assert.Equal(taken[0].Shape, taken[1].Shape);
        Assert.Equal(Define(keys, "QUERY_TILES"), $"{taken[0].Shape[2] / 64}");
        Assert.Equal(Counters(launches[0]), Counters(keys));
    }

    [Fact]
    public void Rows_of_keys_are_swizzled_by_eight()
    {
        // A stream of 5 · 75 slots takes one more row; without a gradient for the past, items begin at the multiple of 8 before it.
        var sizes = new AttentionSteps(Slots: 75, Past: 75);
        Assert.Equal("376", Define(Launches(Forward(sizes))[^1], "KEY_ROWS"));
        var keys = Launches(Backward(sizes, pastGradient: false))[^1];
        Assert.Equal(("75", "3"), (Define(keys, "FIRST_SLOT"), Define(keys, "TILES")));
    }

    [Theory]
    [InlineData(64, 0, Element.BFloat16, true)]
    [InlineData(64, 4, Element.BFloat16, false)]
    [InlineData(64, 0, Element.Float32, false)]
    [InlineData(128, 0, Element.BFloat16, false)]
    public void Other_heads_and_queries_go_to_other_kernels(int headWidth, int firstColumn, Element element, bool expected)
    {
        var sizes = new AttentionSteps(HeadWidth: headWidth, FirstColumn: firstColumn, Element: element);
        Assert.Equal(expected, Launches(Forward(sizes))[^1].Kernel.Name.StartsWith("attention_hopper", StringComparison.Ordinal));
        Assert.Equal(expected, Launches(Backward(sizes))[^2].Kernel.Name.StartsWith("attention_hopper", StringComparison.Ordinal));
    }

    private IReadOnlyList<Operation> Forward(AttentionSteps sizes)
    {
        _context.BeginStep(0);
        return AttentionLowering.Forward(AttentionSteps.Op(sizes), sizes.Forward(), _context);
    }

    private IReadOnlyList<Operation> Backward(AttentionSteps sizes, bool pastGradient = true)
    {
        _context.BeginStep(0);
        var step = sizes.Backward(pastGradient);
        return AttentionLowering.Backward((AttentionBackward)step.Op, step, _context);
    }

    private static Storage Counters(Launch launch) => Assert.IsType<Argument.Pointer>(launch.Arguments[^1]).View.Storage;

    private static Launch[] Launches(IReadOnlyList<Operation> operations) => [.. operations.OfType<Launch>()];

    private static string Define(Launch launch, string name) =>
        Regex.Match(launch.Kernel.Source, $"^#define {name} (.+)$", RegexOptions.Multiline).Groups[1].Value;
}
