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

    private const int LoadingRegisters = 32;

    public static (int Groups, int Tile, int Stages) ForwardCut = (3, 128, 4);

    private static readonly string[] Prelude = ["Rope.cu", "AttentionWork.cu", "AttentionSwizzled.cu"];

    public static bool Fits(AttentionShape shape, AttentionInputs inputs, Element output, DeviceProfile device) =>
        device.Major == 9 && shape.HeadWidth == HeadWidth && inputs.Query.IsCopyable && output == Element.BFloat16;

    public static IReadOnlyList<Operation> Forward(AttentionShape shape, AttentionInputs inputs, Step step, LoweringContext context)
    {
        var (groups, tile, stages) = ForwardCut;
        var queries = groups * GroupQueries;
        var output = AttentionOperand.OfRows(step.Outputs[0], shape.Heads);
        var stream = AttentionStream.PackSwizzled(shape, inputs, onlyFinite: false, context);
        var next = context.Scratch(Element.Int32, 1);
        var items = AttentionSchedule.Grid(shape, shape.Queries, queries).X;
        var kernel = Kernel(
            "attention_hopper_forward", "AttentionHopperForward.cu",
            [
                .. shape.Defines(), .. inputs.Query.Defines("Q"), .. stream.ValueDefines(), .. output.Defines("O"),
                .. AttentionSources.LogSumExp(step.Outputs[1]), .. AttentionSchedule.OfQueries(shape, queries),
                ("KEY_ROWS", stream.Key.Shape[2]), ("GROUPS", groups), ("TILE", tile), ("STAGES", stages),
                ("LOADING_REGISTERS", LoadingRegisters), ("COMPUTING_REGISTERS", ComputingRegisters(groups)),
            ]);
        return
        [
            .. stream.Operations,
            new Clear(next),
            new Launch(
                kernel, new Grid(Math.Min(items, context.Device.Multiprocessors)), (groups + 1) * 128,
                RowBytes * (2 * queries + stages * 2 * tile) + 2 * (queries * 8 + groups * 16 + 32) + 1024,
                [inputs.Query.View, stream.Key, stream.Value.View, stream.PastValue.View, inputs.First, inputs.Last, inputs.Position, step.Outputs[0], step.Outputs[1], next]),
        ];
    }

    /// <summary>Registers of a thread that computes, where one more warpgroup loads.</summary>
    private static int ComputingRegisters(int groups)
    {
        var atFirst = 65536 / ((groups + 1) * 128) / 8 * 8;
        return ((groups + 1) * atFirst - LoadingRegisters) / groups / 8 * 8;
    }

    private static Kernel Kernel(string name, string file, IEnumerable<(string Name, object Value)> defines) =>
        AttentionSources.HopperKernel(name, defines, [.. Prelude, file]);
}
