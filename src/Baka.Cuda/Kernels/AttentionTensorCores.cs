using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>Attention and its gradient in bfloat16 with f32 sums, on tensor cores.</summary>
internal static class AttentionTensorCores
{
    private const int Tile = AttentionEngine.Tile;

    public static IReadOnlyList<Operation> Forward(
        AttentionEngine engine, AttentionShape shape, AttentionInputs inputs, Step step, LoweringContext context)
    {
        var cut = engine.Forward;
        var output = AttentionOperand.OfRows(step.Outputs[0], shape);
        var stream = AttentionStream.Pack(shape, inputs, onlyFinite: false, context);
        var kernel = Kernel(
            "attention_forward", "AttentionForward.cu", engine, cut,
            [
                .. shape.Defines(), .. inputs.Query.Defines("Q"), .. stream.Defines(), .. output.Defines("O"),
                .. AttentionSources.LogSumExp(step.Outputs[1]), .. AttentionSchedule.OfQueries(shape, cut.Rows),
            ]);
        return
        [
            stream.Packing,
            new Launch(
                kernel, AttentionSchedule.Grid(shape, shape.Queries, cut.Rows), cut.Threads, engine.ForwardBytes,
                [inputs.Query.View, stream.Key, stream.Value.View, stream.PastValue.View, stream.Rotations, inputs.First, inputs.Last, inputs.Position, step.Outputs[0], step.Outputs[1]]),
        ];
    }

    public static IReadOnlyList<Operation> Backward(
        AttentionEngine engine, AttentionShape shape, AttentionInputs inputs, AttentionGradients gradients, LoweringContext context)
    {
        var cut = engine.QueryGradient;
        var stream = AttentionStream.Pack(shape, inputs, onlyFinite: true, context);

        // What the kernel for dq leaves for the one for dk and dv; rows are padded to whole blocks.
        var rows = AttentionSchedule.Tiles(shape.Queries, cut.Rows) * cut.Rows;
        var isTiled = engine.KeyGradient is null;
        var packsUpstream = isTiled || !gradients.Upstream.IsCopyable;
        var left = AttentionLeft.Of(
            shape, rows / Tile, isTiled ? shape.StoredWidth : shape.PaddedWidth, packsUpstream ? null : gradients.Upstream.View, context);
        var upstream = packsUpstream ? AttentionOperand.OfHeads(left.Upstream) : gradients.Upstream;
        var kernel = Kernel(
            "attention_query_gradient", "AttentionQueryGradient.cu", engine, cut,
            [
                .. shape.Defines(), .. inputs.Query.Defines("Q"), .. stream.Defines(), .. gradients.Output.Defines("O"),
                .. AttentionSources.LogSumExp(gradients.LogSumExp), .. gradients.Upstream.Defines("DO"), .. gradients.Query.Defines("DQ"),
                .. AttentionSchedule.OfQueries(shape, cut.Rows), ("DETACH_PAST", gradients.DetachPast),
                ("PACK_UPSTREAM", packsUpstream), ("TILED", isTiled),
            ]);
        return
        [
            stream.Packing,
            new Launch(
                kernel, AttentionSchedule.Grid(shape, shape.Queries, cut.Rows), cut.Threads, engine.QueryGradientBytes,
                [
                    inputs.Query.View, stream.Key, stream.Value.View, stream.PastValue.View, stream.Rotations, inputs.First, inputs.Last, inputs.Position,
                    gradients.Output.View, gradients.LogSumExp, gradients.Upstream.View, gradients.Query.View,
                    left.Turned, upstream.View, left.Moments, left.Ranges, left.Sights,
                ]),
            engine.KeyGradient is { } keyCut
                ? KeyGradient(engine, keyCut, shape, stream, gradients, left, upstream, packsUpstream ? rows : shape.Queries)
                : AttentionHopperKeys.Gradient(shape, stream, gradients, left, context),
        ];
    }

    /// <param name="upstreamRows">Rows of a head that the gradient of o has.</param>
    private static Launch KeyGradient(
        AttentionEngine engine, AttentionEngine.Cut cut, AttentionShape shape, AttentionStream stream, AttentionGradients gradients,
        AttentionLeft left, AttentionOperand upstream, int upstreamRows)
    {
        var kernel = Kernel(
            "attention_key_gradient", "AttentionKeyGradient.cu", engine, cut,
            [
                .. shape.Defines(), .. stream.Defines(), .. upstream.Defines("DO"), ("DO_ROWS", upstreamRows),
                .. gradients.KeyDefines(), .. AttentionSchedule.OfKeys(shape, gradients.FirstSlot, cut.Rows), ("QUERY_TILES", left.Tiles),
            ]);
        return new Launch(
            kernel, AttentionSchedule.Grid(shape, shape.Stream - gradients.FirstSlot, cut.Rows), cut.Threads, engine.KeyGradientBytes,
            [
                stream.Key, stream.Value.View, stream.PastValue.View, stream.Rotations, left.Turned, upstream.View, left.Moments, left.Ranges, left.Sights,
                gradients.Key.View, gradients.Value.View, gradients.PastKey.View, gradients.PastValue.View,
            ]);
    }

    private static Kernel Kernel(string name, string file, AttentionEngine engine, AttentionEngine.Cut cut, IEnumerable<(string, object)> defines) =>
        AttentionSources.Kernel(
            name, [.. defines, .. cut.Defines()],
            ["Rope.cu", "AttentionWork.cu", "AttentionColumns.cu", "AttentionTiles.cu", .. engine.Files, "AttentionSlots.cu", file]);
}
