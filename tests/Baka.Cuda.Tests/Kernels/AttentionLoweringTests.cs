using System.Globalization;
using System.Text.RegularExpressions;
using Baka.Compiler.Plans;
using Baka.Cuda.Kernels;
using Baka.Cuda.Lowering;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Cuda.Tests.Kernels;

public sealed partial class AttentionLoweringTests
{
    // Before Hopper, which has kernels of its own for heads of width 64.
    private readonly LoweringContext _context = new(new DeviceProfile("NVIDIA A100", 108, 8, 0, DeviceProfile.H100.SharedBytesPerBlock));

    [Fact]
    public void Keys_are_turned_first_and_values_read_where_they_lie()
    {
        var launches = Forward(new AttentionSteps());
        Assert.Equal(["attention_pack", "attention_forward"], Names(launches));

        // 2080 queries are 17 tiles of 128, also across windows.
        Assert.Equal(8 * 12 * 17, launches[1].Grid.X);
        Assert.Equal("10752", Define(launches[1], "V_ROW"));
        Assert.Equal("768", Define(launches[1], "VP_ROW"));
        Assert.Equal("8", Define(launches[1], "Q_VECTOR"));

        // Two blocks share a multiprocessor's memory, of which each takes 1 KB more than it says.
        Assert.InRange(launches[1].SharedBytes, 1, (228 - 2) / 2 * 1024);
    }

    [Theory]
    [InlineData(8, Element.BFloat16, false)]
    [InlineData(4, Element.BFloat16, false)]
    [InlineData(2, Element.BFloat16, true)]
    [InlineData(0, Element.Float32, true)]
    public void Values_that_cannot_be_copied_by_8_bytes_are_packed(int firstColumn, Element past, bool packs)
    {
        var launches = Forward(new AttentionSteps(FirstColumn: firstColumn, PastElement: past));
        Assert.Equal((packs ? "1" : "0", packs ? 2 : 1), (Define(launches[0], "PACK_VALUES"), launches[0].Grid.Z));
        Assert.Equal(packs ? "64" : "768", Define(launches[^1], "VP_ROW"));
    }

    [Theory]
    [InlineData(520, 64, Element.BFloat16, "attention_forward", "attention_query_gradient")]
    [InlineData(520, 48, Element.BFloat16, "attention_forward", "attention_query_gradient")]
    [InlineData(520, 128, Element.BFloat16, "attention_forward", "attention_query_gradient")]
    [InlineData(520, 256, Element.BFloat16, "attention_plain_forward", "attention_plain_query_gradient")]
    [InlineData(520, 68, Element.BFloat16, "attention_forward", "attention_query_gradient")]
    [InlineData(520, 18, Element.BFloat16, "attention_forward", "attention_query_gradient")]
    [InlineData(520, 17, Element.BFloat16, "attention_plain_forward", "attention_plain_query_gradient")]
    [InlineData(520, 130, Element.BFloat16, "attention_plain_forward", "attention_plain_query_gradient")]
    [InlineData(520, 64, Element.Float32, "attention_plain_forward", "attention_plain_query_gradient")]
    [InlineData(1, 64, Element.BFloat16, "attention_few", "attention_query_gradient")]
    public void The_family_of_kernels_suits_queries_and_heads(int slots, int headWidth, Element element, string forward, string backward)
    {
        var sizes = new AttentionSteps(Windows: 1, Slots: slots, HeadWidth: headWidth, Element: element);
        var launches = Forward(sizes);
        Assert.Equal(forward, launches[^1].Kernel.Name);
        Assert.Equal(backward, Backward(sizes, pastGradient: true)[^2].Kernel.Name);
        Assert.All(launches, l => Assert.InRange(l.SharedBytes, 0, DeviceProfile.H100.SharedBytesPerBlock));
    }

    [Theory]
    [InlineData(64, "mma")]
    [InlineData(128, "mma")]
    [InlineData(32, "mma")]
    [InlineData(96, "mma")]
    public void Before_Hopper_every_warp_multiplies_by_itself(int headWidth, string instruction)
    {
        var source = Forward(new AttentionSteps(HeadWidth: headWidth))[^1].Kernel.Source;
        Assert.Contains($"({instruction}.m", source, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(68, 80, 4)]
    [InlineData(70, 80, 2)]
    [InlineData(108, 112, 4)]
    public void Heads_are_padded_inside_of_the_kernels(int headWidth, int padded, int vector)
    {
        Launch[] Products(int width)
        {
            var sizes = new AttentionSteps(HeadWidth: width);
            return [Forward(sizes)[^1], .. Backward(sizes, pastGradient: true)[^2..]];
        }

        // Blocks do what they would do for heads of the padded width, with keys that are packed for it, and values that are
        // where they can't be copied as they lie.
        var launches = Products(headWidth);
        Assert.Equal(Products(padded).Select(l => (l.Grid, l.Threads, l.SharedBytes)), launches.Select(l => (l.Grid, l.Threads, l.SharedBytes)));
        var (row, pastRow) = vector < 4 ? (padded, padded) : (10752, 12 * headWidth);
        Assert.All(launches, l => Assert.Equal(($"{headWidth}", $"{row}", $"{pastRow}"), (Define(l, "HEAD_WIDTH"), Define(l, "V_ROW"), Define(l, "VP_ROW"))));
        Assert.All(launches, l => Assert.Equal(vector < 4 ? "8" : $"{vector}", Define(l, "VALUE_VECTOR")));
        Assert.Equal(new Shape(8, 12, 2600, padded), Assert.IsType<Argument.Pointer>(launches[0].Arguments[1]).View.Shape);

        // In memory the heads lie side by side without padding, and their angles are those of their own width.
        Assert.Equal(($"{headWidth}", $"{vector}"), (Define(launches[0], "O_HEAD"), Define(launches[0], "O_VECTOR")));
        Assert.Equal(headWidth / 2, Hexadecimal().Count(Define(launches[0], "ROPE_TURNS")));
    }

    [Fact]
    public void Heads_of_whole_pieces_are_read_where_they_lie_although_the_next_head_follows()
    {
        var launches = Forward(new AttentionSteps(HeadWidth: 72));
        Assert.Equal(["attention_pack", "attention_forward"], Names(launches));
        Assert.Equal(("10752", "72"), (Define(launches[^1], "V_ROW"), Define(launches[^1], "V_HEAD")));
        Assert.Equal(0, Backward(new AttentionSteps(HeadWidth: 72), pastGradient: true).Count(l => Define(l, "PACK_UPSTREAM") == "1"));
    }

    [Fact]
    public void Slots_of_the_past_are_left_out_where_they_want_no_gradient()
    {
        var whole = Backward(new AttentionSteps(), pastGradient: true)[^1];
        var present = Backward(new AttentionSteps(), pastGradient: false, detachPast: true)[^1];
        Assert.Equal(("0", 8 * 12 * 41), (Define(whole, "FIRST_SLOT"), whole.Grid.X));
        Assert.Equal(("520", 8 * 12 * 33), (Define(present, "FIRST_SLOT"), present.Grid.X));
    }

    [Theory]
    [InlineData(64, "attention_forward", 3)]
    [InlineData(80, "attention_forward", 3)]
    [InlineData(96, "attention_forward", 2)]
    [InlineData(108, "attention_forward", 2)]
    [InlineData(128, "attention_plain_forward", 0)]
    public void Blocks_find_room_on_GPUs_with_less_shared_memory(int headWidth, string forward, int stages)
    {
        // As GPUs for laptops and desktops have it; kernels take up to 6 KB more by themselves.
        var context = new LoweringContext(new DeviceProfile("NVIDIA GeForce RTX 4090 Laptop GPU", 76, 8, 9, 99 << 10));
        var sizes = new AttentionSteps(HeadWidth: headWidth);
        var step = sizes.Backward(pastGradient: true);
        context.BeginStep(0);
        Launch[] forwards = [.. AttentionLowering.Forward(AttentionSteps.Op(sizes), sizes.Forward(), context).OfType<Launch>()];
        Launch[] backwards = [.. AttentionLowering.Backward((AttentionBackward)step.Op, step, context).OfType<Launch>()];
        Assert.Equal(forward, forwards[^1].Kernel.Name);
        Assert.All([.. forwards, .. backwards], launch => Assert.InRange(launch.SharedBytes, 0, 99 << 10));
        if (stages > 0)
        {
            Assert.Equal($"{stages}", Define(forwards[^1], "STAGES"));
            Assert.All([.. forwards, .. backwards], launch => Assert.InRange(launch.SharedBytes, 0, 93 << 10));
        }
    }

    [Fact]
    public void Same_sizes_are_the_same_kernels()
    {
        var first = Backward(new AttentionSteps(), pastGradient: true);
        var second = Backward(new AttentionSteps(), pastGradient: true);
        Assert.Equal(first.Select(l => l.Kernel), second.Select(l => l.Kernel));
    }

    [Fact]
    public void Tiles_with_the_most_work_start_first()
    {
        // Windows of two tiles: the second sees more. No past, so the windows are alike.
        var order = Define(Forward(new AttentionSteps(Slots: 256, Past: 0))[^1], "ORDER");
        Assert.Equal("{1, 3, 5, 7, 0, 2, 4, 6}", order);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    [InlineData(31)]
    public void An_angle_is_a_multiple_of_a_64_bit_turn(int pair)
    {
        var launch = Forward(new AttentionSteps())[^1];
        var turns = Hexadecimal().Matches(Define(launch, "ROPE_TURNS")).Select(m => ulong.Parse(m.Groups[1].Value, NumberStyles.HexNumber, CultureInfo.InvariantCulture)).ToArray();
        Assert.Equal(32, turns.Length);
        foreach (var position in new ulong[] { 1, 519, 2599 })
        {
            var angle = (int)(unchecked(position * turns[pair]) >> 32) * (2 * Math.PI / Math.Pow(2, 32));
            Assert.Equal(Math.Cos(position * Math.Pow(10000, -2.0 * pair / 64)), Math.Cos(angle), 1e-8);
        }
    }

    private Launch[] Forward(AttentionSteps sizes) =>
        [.. AttentionLowering.Forward(AttentionSteps.Op(sizes), sizes.Forward(), _context).Cast<Launch>()];

    private Launch[] Backward(AttentionSteps sizes, bool pastGradient, bool detachPast = false)
    {
        var step = sizes.Backward(pastGradient, detachPast);
        return [.. AttentionLowering.Backward((AttentionBackward)step.Op, step, _context).Cast<Launch>()];
    }

    private static string[] Names(Launch[] launches) => [.. launches.Select(l => l.Kernel.Name)];

    private static string Define(Launch launch, string name) =>
        Regex.Match(launch.Kernel.Source, $"^#define {name} (.+)$", RegexOptions.Multiline).Groups[1].Value;

    [GeneratedRegex("0x([0-9a-f]+)ull")]
    private static partial Regex Hexadecimal();
}
