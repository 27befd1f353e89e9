using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>Attention and its gradient by the products of warpgroups that Hopper has, for bfloat16 heads of width 64.</summary>
internal static class AttentionHopper
{
    /// <summary>Queries of a warpgroup.</summary>
    private const int GroupQueries = 64;

    private const int HeadWidth = 64;

    private const int RowBytes = HeadWidth * 2;

    // Barriers and what the warps' queries see.
    private const int OtherBytes = 512;

    public static (int Groups, int Tile, int Stages, int Blocks) ForwardCut = (2, 128, 3, 2);

    private static readonly string[] Prelude = ["Rope.cu", "AttentionWork.cu", "AttentionSwizzled.cu"];

    public static bool Fits(AttentionShape shape, AttentionInputs inputs, Element output, DeviceProfile device) =>
        device.Major == 9 && shape.HeadWidth == HeadWidth && inputs.Query.Type == Element.BFloat16 && output == Element.BFloat16;

    public static IReadOnlyList<Operation> Forward(AttentionShape shape, AttentionInputs inputs, Step step, LoweringContext context)
    {
        var (groups, tile, stages, blocks) = ForwardCut;
        var queries = groups * GroupQueries;
        var output = AttentionOperand.OfRows(step.Outputs[0], shape.Heads);
        var stream = AttentionStream.PackSwizzled(shape, inputs, onlyFinite: false, context);
        var kernel = Kernel(
            "attention_hopper_forward", "AttentionHopperForward.cu",
            [
                .. shape.Defines(), .. inputs.Query.Defines("Q"), .. stream.ValueDefines(), .. output.Defines("O"),
                .. AttentionSources.LogSumExp(step.Outputs[1]), .. AttentionSchedule.OfQueries(shape, queries),
                ("KEY_ROWS", stream.Key.Shape[2]), ("GROUPS", groups), ("TILE", tile), ("STAGES", stages), ("BLOCKS", blocks),
            ]);
        return
        [
            .. stream.Operations,
            new Launch(
                kernel, AttentionSchedule.Grid(shape, shape.Queries, queries), groups * 128, RowBytes * (queries + stages * 2 * tile) + OtherBytes,
                [inputs.Query.View, stream.Key, stream.Value.View, stream.PastValue.View, inputs.First, inputs.Last, inputs.Position, step.Outputs[0], step.Outputs[1]]),
        ];
    }

    private static Kernel Kernel(string name, string file, IEnumerable<(string Name, object Value)> defines) =>
        AttentionSources.HopperKernel(name, defines, [.. Prelude, file]);
}
