using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>Attention and its gradient in bfloat16 with f32 sums, on tensor cores.</summary>
internal static class AttentionTensorCores
{
    /// <summary>Keys, and in the gradient also queries, of a tile.</summary>
    private const int Tile = 64;

    // Registers hold the results of no wider heads.
    private const int WidestHead = 128;

    private static readonly string[] Prelude = ["Rope.cu", "AttentionWork.cu", "AttentionTiles.cu"];

    public static bool Fits(AttentionShape shape, AttentionInputs inputs) =>
        inputs.Query.Type == Element.BFloat16 && shape.HeadWidth % 16 == 0 && shape.HeadWidth <= WidestHead;

    public static IReadOnlyList<Operation> Forward(AttentionShape shape, AttentionInputs inputs, Step step, LoweringContext context)
    {
        var (fragments, warps, blocks, stages) = shape.HeadWidth <= 64 ? (2, 4, 2, 3) : (1, 8, 1, 3);
        var queries = fragments * warps * 16;
        var output = AttentionOperand.OfRows(step.Outputs[0], shape.Heads);
        var stream = AttentionStream.Pack(shape, inputs, onlyFinite: false, context);
        var kernel = AttentionSources.Kernel(
            "attention_forward",
            [
                .. shape.Defines(), .. inputs.Query.Defines("Q"), .. stream.ValueDefines(), .. output.Defines("O"),
                .. AttentionSources.LogSumExp(step.Outputs[1]), .. AttentionSchedule.OfQueries(shape, queries),
                ("FRAGMENTS", fragments), ("WARPS", warps), ("BLOCKS", blocks), ("STAGES", stages),
            ],
            [.. Prelude, "AttentionForward.cu"]);
        return
        [
            .. stream.Operations,
            new Launch(
                kernel, AttentionSchedule.Grid(shape, shape.Queries, queries), warps * 32, RowBytes(shape) * (queries + stages * 2 * Tile),
                [inputs.Query.View, stream.Key, stream.Value.View, stream.PastValue.View, inputs.First, inputs.Last, inputs.Position, step.Outputs[0], step.Outputs[1]]),
        ];
    }

    public static IReadOnlyList<Operation> Backward(AttentionShape shape, AttentionInputs inputs, AttentionGradients gradients, LoweringContext context)
    {
        const int threads = 128;
        const int stages = 2;
        var stream = AttentionStream.Pack(shape, inputs, onlyFinite: true, context);

        // What the kernel for dq leaves for the one for dk and dv; rows are padded to whole tiles.
        var tiles = AttentionSchedule.Tiles(shape.Queries, Tile);
        var turned = context.Scratch(Element.BFloat16, shape.Batch, shape.Heads, tiles * Tile, shape.HeadWidth);
        var moments = context.Scratch(Element.Float32, shape.Batch, shape.Heads, tiles * Tile, 2);
        var ranges = context.Scratch(Element.Int32, shape.Batch, tiles * Tile, 2);
        var sights = context.Scratch(Element.Int32, shape.Batch, tiles, 4);
        var upstream = gradients.Upstream.IsCopyable
            ? gradients.Upstream
            : AttentionOperand.OfHeads(context.Scratch(Element.BFloat16, shape.Batch, shape.Heads, tiles * Tile, shape.HeadWidth));

        var queryKernel = AttentionSources.Kernel(
            "attention_query_gradient",
            [
                .. shape.Defines(), .. inputs.Query.Defines("Q"), .. stream.ValueDefines(), .. gradients.Output.Defines("O"),
                .. AttentionSources.LogSumExp(gradients.LogSumExp), .. gradients.Upstream.Defines("DO"), .. gradients.Query.Defines("DQ"),
                .. AttentionSchedule.OfQueries(shape, Tile), ("DETACH_PAST", gradients.DetachPast), ("PACK_UPSTREAM", !gradients.Upstream.IsCopyable),
                ("BLOCKS", shape.HeadWidth <= 64 ? 3 : 2), ("STAGES", stages),
            ],
            [.. Prelude, "AttentionQueryGradient.cu"]);
        var keyKernel = AttentionSources.Kernel(
            "attention_key_gradient",
            [
                .. shape.Defines(), .. stream.ValueDefines(), .. upstream.Defines("DO"), ("DO_ROWS", gradients.Upstream.IsCopyable ? shape.Queries : tiles * Tile),
                .. gradients.KeyDefines(), .. AttentionSchedule.OfKeys(shape, gradients.FirstSlot, Tile), ("QUERY_TILES", tiles),
                ("BLOCKS", 2), ("STAGES", stages),
            ],
            [.. Prelude, "AttentionKeyGradient.cu"]);
        return
        [
            .. stream.Operations,
            new Launch(
                queryKernel, AttentionSchedule.Grid(shape, shape.Queries, Tile), threads, RowBytes(shape) * 2 * Tile * (1 + stages),
                [
                    inputs.Query.View, stream.Key, stream.Value.View, stream.PastValue.View, inputs.First, inputs.Last, inputs.Position,
                    gradients.Output.View, gradients.LogSumExp, gradients.Upstream.View, gradients.Query.View,
                    turned, upstream.View, moments, ranges, sights,
                ]),
            new Launch(
                keyKernel, AttentionSchedule.Grid(shape, shape.Stream - gradients.FirstSlot, Tile), threads,
                (RowBytes(shape) * 2 * Tile * (1 + stages)) + (stages * Tile * 16),
                [
                    stream.Key, stream.Value.View, stream.PastValue.View, turned, upstream.View, moments, ranges, sights,
                    gradients.Key.View, gradients.Value.View, gradients.PastKey.View, gradients.PastValue.View,
                ]),
        ];
    }

    /// <summary>A row of a tile in shared memory: the head's vector and 16 bytes that keep rows in different banks.</summary>
    private static int RowBytes(AttentionShape shape) => (shape.HeadWidth + 8) * 2;
}
