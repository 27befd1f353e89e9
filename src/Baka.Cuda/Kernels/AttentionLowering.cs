using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>
/// Attention by one of four families of kernels: for Hopper where heads are of width 64, on tensor cores where queries
/// are bfloat16 and the head width suits them, for few queries, and plain ones for all the rest.
/// </summary>
internal static class AttentionLowering
{
    // Below this many queries of a row a tile would be almost empty, while there are blocks enough.
    private const int FewQueries = 8;

    public static IReadOnlyList<Operation> Forward(Attention op, Step step, LoweringContext context)
    {
        var shape = AttentionShape.Of(op, step);
        var inputs = AttentionInputs.Of(shape, step);
        return shape.Queries <= FewQueries && AttentionFew.Fits(shape, context.Device) ? AttentionFew.Forward(shape, inputs, step)
            : AttentionHopper.Fits(shape, inputs, step.Outputs[0].Storage.Type, context.Device) ? AttentionHopper.Forward(shape, inputs, step, context)
            : AttentionEngine.For(inputs.Query.Type, shape, context.Device) is { } engine ? AttentionTensorCores.Forward(engine, shape, inputs, step, context)
            : AttentionPlain.Forward(shape, inputs, step, context);
    }

    public static IReadOnlyList<Operation> Backward(AttentionBackward op, Step step, LoweringContext context)
    {
        var shape = AttentionShape.Of(op.Forward, step);
        var inputs = AttentionInputs.Of(shape, step);
        var gradients = AttentionGradients.Of(op, shape, step);
        return AttentionHopper.Fits(shape, inputs, gradients, context.Device) ? AttentionHopper.Backward(shape, inputs, gradients, context)
            : AttentionEngine.For(inputs.Query.Type, shape, context.Device) is { } engine ? AttentionTensorCores.Backward(engine, shape, inputs, gradients, context)
            : AttentionPlain.Backward(shape, inputs, gradients, context);
    }
}
