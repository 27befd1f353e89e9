using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>
/// Attention and its gradient by the products of warpgroups that Hopper has, for bfloat16 heads of width 64. One block
/// for each multiprocessor takes one item of work after the other.
/// </summary>
internal static class AttentionHopper
{
    private const int HeadWidth = 64;

    private const int RowBytes = HeadWidth * 2;

    /// <summary>Rows that a warpgroup does, and of a tile of queries.</summary>
    private const int GroupRows = 64;

    public static (int Groups, int Tile, int Stages) ForwardCut = (3, 80, 6);

    public static (int Groups, int Tile, int Stages) QueryCut = (3, 64, 4);

    public static (int Groups, int Stages) KeyCut = (2, 6);

    public static bool Fits(AttentionShape shape, AttentionInputs inputs, Element output, DeviceProfile device) =>
        device.Major == 9 && shape.HeadWidth == HeadWidth && inputs.Query.IsCopyable && output == Element.BFloat16;

    public static bool Fits(AttentionShape shape, AttentionInputs inputs, AttentionGradients gradients, DeviceProfile device) =>
        Fits(shape, inputs, gradients.Output.Type, device) && gradients.Output.IsCopyable && gradients.Upstream.IsCopyable;

    public static IReadOnlyList<Operation> Forward(AttentionShape shape, AttentionInputs inputs, Step step, LoweringContext context)
    {
        var (groups, tile, stages) = ForwardCut;
        var output = AttentionOperand.OfRows(step.Outputs[0], shape.Heads);
        var stream = AttentionStream.PackSwizzled(shape, inputs, onlyFinite: false, context);
        var next = context.Scratch(Element.Int32, 1);
        var kernel = Kernel(
            "attention_hopper_forward", groups, stages,
            [
                .. shape.Defines(), .. inputs.Query.Defines("Q"), .. stream.ValueDefines(), .. output.Defines("O"),
                .. AttentionSources.LogSumExp(step.Outputs[1]), .. AttentionSchedule.OfQueries(shape, groups * GroupRows),
                ("KEY_ROWS", stream.Key.Shape[2]), ("TILE", tile), ("OPERANDS", 1),
            ],
            "AttentionQueryItems.cu", "AttentionHopperForward.cu");
        return
        [
            .. stream.Operations,
            new Clear(next),
            Launch(
                kernel, AttentionSchedule.Grid(shape, shape.Queries, groups * GroupRows), groups, QueryItemBytes(groups, 1, tile, stages), context,
                [inputs.Query.View, stream.Key, stream.Value.View, stream.PastValue.View, inputs.First, inputs.Last, inputs.Position, step.Outputs[0], step.Outputs[1], next]),
        ];
    }

    public static IReadOnlyList<Operation> Backward(AttentionShape shape, AttentionInputs inputs, AttentionGradients gradients, LoweringContext context)
    {
        var (queryGroups, keyTile, keyStages) = QueryCut;
        var (keyGroups, queryStages) = KeyCut;
        var stream = AttentionStream.PackSwizzled(shape, inputs, onlyFinite: true, context);

        // What the kernel for dq leaves for the one for dk and dv; rows are padded to whole items.
        var queryTiles = AttentionSchedule.Tiles(shape.Queries, queryGroups * GroupRows) * queryGroups;
        var rows = queryTiles * GroupRows;
        var turned = context.Scratch(Element.BFloat16, shape.Batch, shape.Heads, rows, HeadWidth);
        var upstream = context.Scratch(Element.BFloat16, shape.Batch, shape.Heads, rows, HeadWidth);
        var moments = context.Scratch(Element.Float32, shape.Batch, shape.Heads, queryTiles, 2, GroupRows);
        var ranges = context.Scratch(Element.Int32, shape.Batch, rows, 2);
        var sights = context.Scratch(Element.Int32, shape.Batch, queryTiles, 4);
        var next = context.Scratch(Element.Int32, 2);

        var queryKernel = Kernel(
            "attention_hopper_query_gradient", queryGroups, keyStages,
            [
                .. shape.Defines(), .. inputs.Query.Defines("Q"), .. stream.ValueDefines(), .. gradients.Output.Defines("O"),
                .. AttentionSources.LogSumExp(gradients.LogSumExp), .. gradients.Upstream.Defines("DO"), .. gradients.Query.Defines("DQ"),
                .. AttentionSchedule.OfQueries(shape, queryGroups * GroupRows), ("DETACH_PAST", gradients.DetachPast),
                ("KEY_ROWS", stream.Key.Shape[2]), ("TILE", keyTile), ("OPERANDS", 3),
            ],
            "AttentionQueryItems.cu", "AttentionHopperQueryGradient.cu");

        // Swizzled rows begin at a multiple of 8.
        var firstSlot = gradients.FirstSlot / 8 * 8;
        var keyKernel = Kernel(
            "attention_hopper_key_gradient", keyGroups, queryStages,
            [
                .. shape.Defines(), .. stream.ValueDefines(), .. gradients.KeyDefines(), .. AttentionSchedule.OfKeys(shape, firstSlot, keyGroups * GroupRows),
                ("QUERY_TILES", queryTiles), ("KEY_ROWS", stream.Key.Shape[2]),
            ],
            "AttentionHopperKeyGradient.cu");
        return
        [
            .. stream.Operations,
            new Clear(next),
            Launch(
                queryKernel, AttentionSchedule.Grid(shape, shape.Queries, queryGroups * GroupRows), queryGroups, QueryItemBytes(queryGroups, 3, keyTile, keyStages), context,
                [
                    inputs.Query.View, stream.Key, stream.Value.View, stream.PastValue.View, inputs.First, inputs.Last, inputs.Position,
                    gradients.Output.View, gradients.LogSumExp, gradients.Upstream.View, gradients.Query.View,
                    turned, upstream, moments, ranges, sights, next.Slice(0, 0, 1),
                ]),
            Launch(
                keyKernel, AttentionSchedule.Grid(shape, shape.Stream - firstSlot, keyGroups * GroupRows), keyGroups, KeyItemBytes(keyGroups, queryStages), context,
                [
                    stream.Key, stream.Value.View, stream.PastValue.View, turned, upstream, moments, ranges, sights,
                    gradients.Key.View, gradients.Value.View, gradients.PastKey.View, gradients.PastValue.View, next.Slice(0, 1, 1),
                ]),
        ];
    }

    /// <summary>Two items of vectors and what is seen of them, a ring of tiles of keys and values, barriers.</summary>
    private static int QueryItemBytes(int groups, int operands, int tile, int stages) =>
        RowBytes * (2 * groups * GroupRows * operands + stages * 2 * tile) + 2 * (24 + groups * (16 + GroupRows * 8)) + groups * GroupRows * 8 + Barriers(stages);

    /// <summary>Two items of keys and values, a ring of tiles of queries with what belongs to them, barriers.</summary>
    private static int KeyItemBytes(int groups, int stages) =>
        RowBytes * GroupRows * (2 * groups * 2 + stages * 2) + stages * (GroupRows * 16 + 16) + 32 + Barriers(stages);

    private static int Barriers(int stages) => (stages * 2 + 4) * 8;

    /// <summary>A launch of computing warpgroups and one that loads.</summary>
    private static Launch Launch(Kernel kernel, Grid items, int groups, int sharedBytes, LoweringContext context, IReadOnlyList<Argument> arguments) =>
        new(kernel, new Grid(Math.Min(items.X, context.Device.Multiprocessors)), (groups + 1) * 128, sharedBytes, arguments);

    private static Kernel Kernel(string name, int groups, int stages, IEnumerable<(string Name, object Value)> defines, params IEnumerable<string> files)
    {
        // A multiprocessor's registers, for threads that come to it in whole warpgroups and pass them on.
        var loading = groups == 2 ? 40 : name.EndsWith("forward", StringComparison.Ordinal) && ForwardCut.Tile > 112 ? 32 : 56;
        var all = (groups + 1) * (65536 / ((groups + 1) * 128) / 8 * 8);
        return AttentionSources.HopperKernel(
            name,
            [.. defines, ("GROUPS", groups), ("STAGES", stages), ("LOADING_REGISTERS", loading), ("COMPUTING_REGISTERS", (all - loading) / groups / 8 * 8)],
            ["Rope.cu", "AttentionWork.cu", "AttentionSwizzled.cu", .. files]);
    }
}
