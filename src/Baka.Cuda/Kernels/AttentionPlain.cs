using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>Attention and its gradient in f32, for any element and any head width that fits into shared memory.</summary>
internal static class AttentionPlain
{
    private const int Threads = 256;

    // The kernels' other shared memory, at most.
    private const int StaticBytes = 2 << 10;

    public static IReadOnlyList<Operation> Forward(AttentionShape shape, AttentionInputs inputs, Step step, LoweringContext context)
    {
        var (tile, bytes) = Tile(shape, 2, context.Device);
        var output = AttentionOperand.OfRows(step.Outputs[0], shape);
        var kernel = Kernel(
            "attention_plain_forward", "AttentionPlainForward.cu", tile,
            [.. shape.Defines(), .. inputs.Defines(), .. output.Defines("O"), .. AttentionSources.LogSumExp(step.Outputs[1]), .. AttentionSchedule.OfQueries(shape, tile)]);
        return
        [
            new Launch(
                kernel, AttentionSchedule.Grid(shape, shape.Queries, tile), Threads, bytes,
                [.. inputs.Arguments(), step.Outputs[0], step.Outputs[1]]),
        ];
    }

    public static IReadOnlyList<Operation> Backward(AttentionShape shape, AttentionInputs inputs, AttentionGradients gradients, LoweringContext context)
    {
        var (tile, bytes) = Tile(shape, 4, context.Device);
        var deltas = context.Scratch(Element.Float32, shape.Batch, shape.Heads, shape.Queries);
        (string, object)[] defines =
        [
            .. shape.Defines(), .. inputs.Defines(), .. gradients.Upstream.Defines("DO"),
            .. AttentionSources.LogSumExp(gradients.LogSumExp),
        ];
        var queryKernel = Kernel(
            "attention_plain_query_gradient", "AttentionPlainQueryGradient.cu", tile,
            [.. defines, .. gradients.Output.Defines("O"), .. gradients.Query.Defines("DQ"), .. AttentionSchedule.OfQueries(shape, tile)]);
        var keyKernel = Kernel(
            "attention_plain_key_gradient", "AttentionPlainKeyGradient.cu", tile,
            [.. defines, .. gradients.KeyDefines(), ("DETACH_PAST", gradients.DetachPast), .. AttentionSchedule.OfKeys(shape, gradients.FirstSlot, tile)]);
        return
        [
            new Launch(
                queryKernel, AttentionSchedule.Grid(shape, shape.Queries, tile), Threads, bytes,
                [.. inputs.Arguments(), gradients.Output.View, gradients.LogSumExp, gradients.Upstream.View, gradients.Query.View, deltas]),
            new Launch(
                keyKernel, AttentionSchedule.Grid(shape, shape.Stream - gradients.FirstSlot, tile), Threads, bytes,
                [
                    .. inputs.Arguments(), gradients.LogSumExp, gradients.Upstream.View, deltas,
                    gradients.Key.View, gradients.Value.View, gradients.PastKey.View, gradients.PastValue.View,
                ]),
        ];
    }

    private static Kernel Kernel(string name, string file, int tile, IEnumerable<(string, object)> defines) =>
        AttentionSources.Kernel(name, [.. defines, ("TILE", tile)], "Rope.cu", "AttentionWork.cu", "AttentionPlainTiles.cu", file);

    /// <summary>The largest tile of which a block can hold so many, and a square of weights, in f32.</summary>
    private static (int Tile, int Bytes) Tile(AttentionShape shape, int tiles, DeviceProfile device)
    {
        for (var tile = 64; tile >= 16; tile /= 2)
        {
            var bytes = (long)tile * (tiles * (shape.HeadWidth | 1) + tile + 1) * sizeof(float);
            if (bytes + StaticBytes <= device.SharedBytesPerBlock)
            {
                return (tile, (int)bytes);
            }
        }

        throw new NotSupportedException($"Heads of width {shape.HeadWidth} do not fit into the shared memory of {device.Name}.");
    }
}
