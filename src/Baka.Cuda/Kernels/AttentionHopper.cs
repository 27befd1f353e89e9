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

    private static readonly HopperCut ForwardCut = new(Groups: 3, Tile: 80, Stages: 6, LoadingRegisters: 56);

    private static readonly HopperCut QueryCut = new(Groups: 3, Tile: 64, Stages: 6, LoadingRegisters: 80);

    public static bool Fits(AttentionShape shape, AttentionInputs inputs, Element output, DeviceProfile device) =>
        device.IsHopper && shape.HeadWidth == HeadWidth && inputs.Query.IsCopyable && output == Element.BFloat16;

    public static bool Fits(AttentionShape shape, AttentionInputs inputs, AttentionGradients gradients, DeviceProfile device) =>
        Fits(shape, inputs, gradients.Output.Type, device) && gradients.Output.IsCopyable && gradients.Upstream.IsCopyable;

    public static IReadOnlyList<Operation> Forward(AttentionShape shape, AttentionInputs inputs, Step step, LoweringContext context)
    {
        var output = AttentionOperand.OfRows(step.Outputs[0], shape);
        var stream = AttentionStream.PackSwizzled(shape, inputs, onlyFinite: false, context);
        var kernel = ForwardCut.Kernel(
            "attention_hopper_forward",
            [
                .. shape.Defines(), .. inputs.Query.Defines("Q"), .. stream.Defines(), .. output.Defines("O"),
                .. AttentionSources.LogSumExp(step.Outputs[1]), .. AttentionSchedule.OfQueries(shape, ForwardCut.Rows),
                ("OPERANDS", 1),
            ],
            "AttentionQueryItems.cu", "AttentionHopperForward.cu");
        return
        [
            stream.Packing,
            ForwardCut.Launch(
                kernel, AttentionSchedule.Grid(shape, shape.Queries, ForwardCut.Rows), QueryItemBytes(ForwardCut, 1), context,
                [
                    inputs.Query.View, stream.Key, stream.Value.View, stream.PastValue.View, stream.Rotations, inputs.First, inputs.Last, inputs.Position,
                    step.Outputs[0], step.Outputs[1], stream.Counter(0),
                ]),
        ];
    }

    public static IReadOnlyList<Operation> Backward(AttentionShape shape, AttentionInputs inputs, AttentionGradients gradients, LoweringContext context)
    {
        var stream = AttentionStream.PackSwizzled(shape, inputs, onlyFinite: true, context);
        var left = AttentionLeft.Of(shape, AttentionSchedule.Tiles(shape.Queries, QueryCut.Rows) * QueryCut.Groups, HeadWidth, upstream: null, context);
        var kernel = QueryCut.Kernel(
            "attention_hopper_query_gradient",
            [
                .. shape.Defines(), .. inputs.Query.Defines("Q"), .. stream.Defines(), .. gradients.Output.Defines("O"),
                .. AttentionSources.LogSumExp(gradients.LogSumExp), .. gradients.Upstream.Defines("DO"), .. gradients.Query.Defines("DQ"),
                .. AttentionSchedule.OfQueries(shape, QueryCut.Rows), ("DETACH_PAST", gradients.DetachPast), ("OPERANDS", 2),
            ],
            "AttentionQueryItems.cu", "AttentionHopperQueryGradient.cu");
        return
        [
            stream.Packing,
            QueryCut.Launch(
                kernel, AttentionSchedule.Grid(shape, shape.Queries, QueryCut.Rows), GradientItemBytes(QueryCut), context,
                [
                    inputs.Query.View, stream.Key, stream.Value.View, stream.PastValue.View, stream.Rotations, inputs.First, inputs.Last, inputs.Position,
                    gradients.Output.View, gradients.LogSumExp, gradients.Upstream.View, gradients.Query.View,
                    left.Turned, left.Upstream, left.Moments, left.Ranges, left.Sights, stream.Counter(0),
                ]),
            AttentionHopperKeys.Gradient(shape, stream, gradients, left, context),
        ];
    }

    /// <summary>Two items of vectors and what is seen of them, a ring of tiles of keys and values, barriers.</summary>
    private static int QueryItemBytes(HopperCut cut, int operands) =>
        RowBytes * (2 * cut.Rows * operands + cut.Stages * 2 * cut.Tile) + 2 * (24 + cut.Groups * 16 + cut.Rows * 8) + cut.Barriers(ofItems: 6);

    /// <summary>Also an item's outputs and the moments of two.</summary>
    private static int GradientItemBytes(HopperCut cut) => QueryItemBytes(cut, 2) + cut.Rows * (RowBytes + 2 * 8);
}
