using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>Attention and its gradient in bfloat16 with f32 sums, on tensor cores.</summary>
internal static class AttentionTensorCores
{
    private const int Tile = AttentionEngine.Tile;

    // Of each query of a tile the kernel for dk and dv holds four numbers besides the vectors.
    private const int QueryBytes = 16;

    public static IReadOnlyList<Operation> Forward(
        AttentionEngine engine, AttentionShape shape, AttentionInputs inputs, Step step, LoweringContext context)
    {
        var cut = engine.Forward;
        var output = AttentionOperand.OfRows(step.Outputs[0], shape);
        var stream = AttentionStream.Pack(shape, inputs, onlyFinite: false, context);
        var kernel = Kernel(
            "attention_forward", "AttentionForward.cu", engine, cut,
            [
                .. shape.Defines(), .. inputs.Query.Defines("Q"), .. stream.ValueDefines(), .. output.Defines("O"),
                .. AttentionSources.LogSumExp(step.Outputs[1]), .. AttentionSchedule.OfQueries(shape, cut.Rows),
            ]);
        return
        [
            stream.Packing,
            new Launch(
                kernel, AttentionSchedule.Grid(shape, shape.Queries, cut.Rows), cut.Threads, engine.Slack + engine.TileBytes * (cut.Rows / Tile + 2 * cut.Stages),
                [inputs.Query.View, stream.Key, stream.Value.View, stream.PastValue.View, inputs.First, inputs.Last, inputs.Position, step.Outputs[0], step.Outputs[1]]),
        ];
    }

    public static IReadOnlyList<Operation> Backward(
        AttentionEngine engine, AttentionShape shape, AttentionInputs inputs, AttentionGradients gradients, LoweringContext context)
    {
        var (queryCut, keyCut) = (engine.QueryGradient, engine.KeyGradient);
        var stream = AttentionStream.Pack(shape, inputs, onlyFinite: true, context);

        // What the kernel for dq leaves for the one for dk and dv; rows are padded to whole blocks.
        var rows = AttentionSchedule.Tiles(shape.Queries, queryCut.Rows) * queryCut.Rows;
        var turned = context.Scratch(Element.BFloat16, shape.Batch, shape.Heads, rows, shape.PaddedWidth);
        var moments = context.Scratch(Element.Float32, shape.Batch, shape.Heads, rows, 2);
        var ranges = context.Scratch(Element.Int32, shape.Batch, rows, 2);
        var sights = context.Scratch(Element.Int32, shape.Batch, rows / Tile, 4);
        var packsUpstream = !gradients.Upstream.IsCopyable;
        var upstream = packsUpstream
            ? AttentionOperand.OfHeads(context.Scratch(Element.BFloat16, shape.Batch, shape.Heads, rows, shape.PaddedWidth))
            : gradients.Upstream;

        var queryKernel = Kernel(
            "attention_query_gradient", "AttentionQueryGradient.cu", engine, queryCut,
            [
                .. shape.Defines(), .. inputs.Query.Defines("Q"), .. stream.ValueDefines(), .. gradients.Output.Defines("O"),
                .. AttentionSources.LogSumExp(gradients.LogSumExp), .. gradients.Upstream.Defines("DO"), .. gradients.Query.Defines("DQ"),
                .. AttentionSchedule.OfQueries(shape, queryCut.Rows), ("DETACH_PAST", gradients.DetachPast), ("PACK_UPSTREAM", packsUpstream),
            ]);
        var keyKernel = Kernel(
            "attention_key_gradient", "AttentionKeyGradient.cu", engine, keyCut,
            [
                .. shape.Defines(), .. stream.ValueDefines(), .. upstream.Defines("DO"), ("DO_ROWS", packsUpstream ? rows : shape.Queries),
                .. gradients.KeyDefines(), .. AttentionSchedule.OfKeys(shape, gradients.FirstSlot, keyCut.Rows), ("QUERY_TILES", rows / Tile),
            ]);
        return
        [
            stream.Packing,
            new Launch(
                queryKernel, AttentionSchedule.Grid(shape, shape.Queries, queryCut.Rows), queryCut.Threads,
                engine.Slack + engine.TileBytes * 2 * (queryCut.Rows / Tile + queryCut.Stages),
                [
                    inputs.Query.View, stream.Key, stream.Value.View, stream.PastValue.View, inputs.First, inputs.Last, inputs.Position,
                    gradients.Output.View, gradients.LogSumExp, gradients.Upstream.View, gradients.Query.View,
                    turned, upstream.View, moments, ranges, sights,
                ]),
            new Launch(
                keyKernel, AttentionSchedule.Grid(shape, shape.Stream - gradients.FirstSlot, keyCut.Rows), keyCut.Threads,
                engine.Slack + engine.TileBytes * 2 * (keyCut.Rows / Tile + keyCut.Stages) + keyCut.Stages * Tile * QueryBytes,
                [
                    stream.Key, stream.Value.View, stream.PastValue.View, turned, upstream.View, moments, ranges, sights,
                    gradients.Key.View, gradients.Value.View, gradients.PastKey.View, gradients.PastValue.View,
                ]),
        ];
    }

    private static Kernel Kernel(string name, string file, AttentionEngine engine, AttentionEngine.Cut cut, IEnumerable<(string, object)> defines) =>
        AttentionSources.Kernel(
            name, [.. defines, .. cut.Defines()],
            ["Rope.cu", "AttentionWork.cu", "AttentionColumns.cu", "AttentionTiles.cu", .. engine.Files, "AttentionSlots.cu", file]);
}
