using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>dk and dv by the products of warpgroups that Hopper has, for heads up to a width of 128.</summary>
internal static class AttentionHopperKeys
{
    private const int MostStages = 6;

    // Up to these widths registers have room for keys and values, and for products ahead of their use; beyond the last,
    // those who compute need all that those who load can spare.
    private const int WidestHeld = 64;
    private const int WidestAhead = 96;
    private const int WidestEasy = 112;

    public static Launch Gradient(AttentionShape shape, AttentionStream stream, AttentionGradients gradients, AttentionLeft left, LoweringContext context)
    {
        var cut = CutFor(shape, context.Device);

        // Swizzled rows begin at a multiple of 8.
        var firstSlot = gradients.FirstSlot / 8 * 8;
        var kernel = cut.Kernel(
            "attention_hopper_key_gradient",
            [
                .. shape.Defines(), .. stream.Defines(), .. gradients.KeyDefines(), .. AttentionSchedule.OfKeys(shape, firstSlot, cut.Rows),
                ("QUERY_TILES", left.Tiles), ("HELD", shape.PaddedWidth <= WidestHeld), ("AHEAD", shape.PaddedWidth <= WidestAhead),
            ],
            "AttentionHopperKeyGradient.cu");
        return cut.Launch(
            kernel, AttentionSchedule.Grid(shape, shape.Stream - firstSlot, cut.Rows), SharedBytes(shape, cut), context,
            [
                stream.Key, stream.Value.View, stream.PastValue.View, stream.Rotations, left.Turned, left.Upstream, left.Moments, left.Ranges, left.Sights,
                gradients.Key.View, gradients.Value.View, gradients.PastKey.View, gradients.PastValue.View, stream.Counter(1),
            ]);
    }

    /// <summary>With as many stages as there is shared memory for.</summary>
    private static HopperCut CutFor(AttentionShape shape, DeviceProfile device)
    {
        var cut = new HopperCut(Groups: 2, Tile: HopperCut.GroupRows, MostStages, LoadingRegisters: shape.PaddedWidth <= WidestEasy ? 40 : 24);
        while (SharedBytes(shape, cut) > device.SharedBytesPerBlock)
        {
            cut = cut with { Stages = cut.Stages - 1 };
        }

        return cut;
    }

    /// <summary>Two items of keys and values, a ring of tiles of queries with what belongs to them, barriers.</summary>
    private static int SharedBytes(AttentionShape shape, HopperCut cut) =>
        shape.StoredWidth * 2 * (2 * cut.Rows * 2 + cut.Stages * 2 * cut.Tile) + cut.Stages * (cut.Tile * 16 + 16) + 2 * 16 + cut.Barriers(ofItems: 4);
}
