using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>
/// Attention and its gradient by the products of warpgroups that Hopper has, for bfloat16 heads of width 64. One block
/// for each multiprocessor takes one item of work after the other; a warpgroup of it works ahead, loading and preparing
/// what the others compute with.
/// </summary>
internal static class AttentionHopper
{
    private const int HeadWidth = 64;

    private const int RowBytes = HeadWidth * 2;

    /// <summary>Rows that a warpgroup computes, and of a tile of queries.</summary>
    private const int GroupRows = 64;

    private static readonly Cut ForwardCut = new(Groups: 3, Tile: 80, Stages: 6, LoadingRegisters: 56);

    private static readonly Cut QueryCut = new(Groups: 3, Tile: 64, Stages: 6, LoadingRegisters: 80);

    private static readonly Cut KeyCut = new(Groups: 2, Tile: GroupRows, Stages: 6, LoadingRegisters: 40);

    public static bool Fits(AttentionShape shape, AttentionInputs inputs, Element output, DeviceProfile device) =>
        device.IsHopper && shape.HeadWidth == HeadWidth && inputs.Query.IsCopyable && output == Element.BFloat16;

    public static bool Fits(AttentionShape shape, AttentionInputs inputs, AttentionGradients gradients, DeviceProfile device) =>
        Fits(shape, inputs, gradients.Output.Type, device) && gradients.Output.IsCopyable && gradients.Upstream.IsCopyable;

    public static IReadOnlyList<Operation> Forward(AttentionShape shape, AttentionInputs inputs, Step step, LoweringContext context)
    {
        var output = AttentionOperand.OfRows(step.Outputs[0], shape);
        var stream = AttentionStream.PackSwizzled(shape, inputs, onlyFinite: false, context);
        var next = context.Scratch(Element.Int32, 1);
        var kernel = Kernel(
            "attention_hopper_forward", ForwardCut,
            [
                .. shape.Defines(), .. inputs.Query.Defines("Q"), .. stream.ValueDefines(), .. output.Defines("O"),
                .. AttentionSources.LogSumExp(step.Outputs[1]), .. AttentionSchedule.OfQueries(shape, ForwardCut.Rows),
                ("KEY_ROWS", stream.Key.Shape[2]), ("OPERANDS", 1),
            ],
            "AttentionQueryItems.cu", "AttentionHopperForward.cu");
        return
        [
            stream.Packing,
            new Clear(next),
            Launch(
                kernel, ForwardCut, AttentionSchedule.Grid(shape, shape.Queries, ForwardCut.Rows), QueryItemBytes(ForwardCut, 1), context,
                [
                    inputs.Query.View, stream.Key, stream.Value.View, stream.PastValue.View, inputs.First, inputs.Last, inputs.Position,
                    step.Outputs[0], step.Outputs[1], next,
                ]),
        ];
    }

    public static IReadOnlyList<Operation> Backward(AttentionShape shape, AttentionInputs inputs, AttentionGradients gradients, LoweringContext context)
    {
        var stream = AttentionStream.PackSwizzled(shape, inputs, onlyFinite: true, context);

        // What the kernel for dq leaves for the one for dk and dv; rows are padded to whole items.
        var queryTiles = AttentionSchedule.Tiles(shape.Queries, QueryCut.Rows) * QueryCut.Groups;
        var turned = context.Scratch(Element.BFloat16, shape.Batch, shape.Heads, queryTiles * GroupRows, HeadWidth);
        var upstream = context.Scratch(Element.BFloat16, shape.Batch, shape.Heads, queryTiles * GroupRows, HeadWidth);
        var moments = context.Scratch(Element.Float32, shape.Batch, shape.Heads, queryTiles, 2, GroupRows);
        var ranges = context.Scratch(Element.Int32, shape.Batch, queryTiles * GroupRows, 2);
        var sights = context.Scratch(Element.Int32, shape.Batch, queryTiles, 4);
        var next = context.Scratch(Element.Int32, 2);

        var queryKernel = Kernel(
            "attention_hopper_query_gradient", QueryCut,
            [
                .. shape.Defines(), .. inputs.Query.Defines("Q"), .. stream.ValueDefines(), .. gradients.Output.Defines("O"),
                .. AttentionSources.LogSumExp(gradients.LogSumExp), .. gradients.Upstream.Defines("DO"), .. gradients.Query.Defines("DQ"),
                .. AttentionSchedule.OfQueries(shape, QueryCut.Rows), ("DETACH_PAST", gradients.DetachPast),
                ("KEY_ROWS", stream.Key.Shape[2]), ("OPERANDS", 2),
            ],
            "AttentionQueryItems.cu", "AttentionHopperQueryGradient.cu");

        // Swizzled rows begin at a multiple of 8.
        var firstSlot = gradients.FirstSlot / 8 * 8;
        var keyKernel = Kernel(
            "attention_hopper_key_gradient", KeyCut,
            [
                .. shape.Defines(), .. stream.ValueDefines(), .. gradients.KeyDefines(), .. AttentionSchedule.OfKeys(shape, firstSlot, KeyCut.Rows),
                ("QUERY_TILES", queryTiles), ("KEY_ROWS", stream.Key.Shape[2]),
            ],
            "AttentionHopperKeyGradient.cu");
        return
        [
            stream.Packing,
            new Clear(next),
            Launch(
                queryKernel, QueryCut, AttentionSchedule.Grid(shape, shape.Queries, QueryCut.Rows), GradientItemBytes(QueryCut), context,
                [
                    inputs.Query.View, stream.Key, stream.Value.View, stream.PastValue.View, inputs.First, inputs.Last, inputs.Position,
                    gradients.Output.View, gradients.LogSumExp, gradients.Upstream.View, gradients.Query.View,
                    turned, upstream, moments, ranges, sights, next.Slice(0, 0, 1),
                ]),
            Launch(
                keyKernel, KeyCut, AttentionSchedule.Grid(shape, shape.Stream - firstSlot, KeyCut.Rows), KeyItemBytes(KeyCut), context,
                [
                    stream.Key, stream.Value.View, stream.PastValue.View, turned, upstream, moments, ranges, sights,
                    gradients.Key.View, gradients.Value.View, gradients.PastKey.View, gradients.PastValue.View, next.Slice(0, 1, 1),
                ]),
        ];
    }

    /// <summary>Two items of vectors and what is seen of them, a ring of tiles of keys and values, barriers.</summary>
    private static int QueryItemBytes(Cut cut, int operands) =>
        RowBytes * (2 * cut.Rows * operands + cut.Stages * 2 * cut.Tile) + 2 * (24 + cut.Groups * 16 + cut.Rows * 8) + Barriers(cut, ofItems: 6);

    /// <summary>Also an item's outputs and the moments of two.</summary>
    private static int GradientItemBytes(Cut cut) => QueryItemBytes(cut, 2) + cut.Rows * (RowBytes + 2 * 8);

    /// <summary>Two items of keys and values, a ring of tiles of queries with what belongs to them, barriers.</summary>
    private static int KeyItemBytes(Cut cut) =>
        RowBytes * (2 * cut.Rows * 2 + cut.Stages * 2 * cut.Tile) + cut.Stages * (cut.Tile * 16 + 16) + 2 * 16 + Barriers(cut, ofItems: 4);

    private static int Barriers(Cut cut, int ofItems) => (cut.Stages * 2 + ofItems) * 8;

    private static Launch Launch(Kernel kernel, Cut cut, Grid items, int sharedBytes, LoweringContext context, IReadOnlyList<Argument> arguments) =>
        new(kernel, new Grid(Math.Min(items.X, context.Device.Multiprocessors)), cut.Threads, sharedBytes, arguments);

    private static Kernel Kernel(string name, Cut cut, IEnumerable<(string Name, object Value)> defines, params IEnumerable<string> files) =>
        AttentionSources.Kernel(name, [.. defines, .. cut.Defines()], ["Hopper.cuh", "Rope.cu", "AttentionWork.cu", "AttentionSwizzled.cu", .. files]);

    /// <summary>How the work of a kernel is cut.</summary>
    /// <param name="Groups">Warpgroups that compute.</param>
    /// <param name="Tile">Rows of a tile that they go over, a multiple of 16.</param>
    /// <param name="Stages">Pairs of tiles in shared memory.</param>
    /// <param name="LoadingRegisters">What a thread that loads keeps of the registers all threads have at first; the others share the rest.</param>
    private sealed record Cut(int Groups, int Tile, int Stages, int LoadingRegisters)
    {
        private const int Registers = 65536;

        public int Threads => (Groups + 1) * 128;

        /// <summary>Rows of an item of work.</summary>
        public int Rows => Groups * GroupRows;

        public IEnumerable<(string Name, object Value)> Defines() =>
        [
            ("GROUPS", Groups),
            ("TILE", Tile),
            ("STAGES", Stages),
            ("LOADING_REGISTERS", LoadingRegisters),
            ("COMPUTING_REGISTERS", ((Groups + 1) * AtFirst - LoadingRegisters) / Groups / 8 * 8),
        ];

        private int AtFirst => Registers / Threads / 8 * 8;
    }
}
