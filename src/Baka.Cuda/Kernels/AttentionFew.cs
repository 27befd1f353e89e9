using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>Attention of few queries: a block for each of a head, whose threads share the keys.</summary>
internal static class AttentionFew
{
    private const int Threads = 256;

    // The kernel's other shared memory, at most.
    private const int StaticBytes = 16 << 10;

    public static bool Fits(AttentionShape shape, DeviceProfile device) =>
        shape.HeadWidth / Piece(shape) <= Threads && SharedBytes(shape) + StaticBytes <= device.SharedBytesPerBlock;

    public static IReadOnlyList<Operation> Forward(AttentionShape shape, AttentionInputs inputs, Step step)
    {
        var output = AttentionOperand.OfRows(step.Outputs[0], shape);
        var kernel = AttentionSources.Kernel(
            "attention_few",
            [.. shape.Defines(), .. inputs.Defines(), .. output.Defines("O"), .. AttentionSources.LogSumExp(step.Outputs[1]), ("PIECE", Piece(shape))],
            "Rope.cu", "AttentionFew.cu");
        var grid = new Grid(shape.Batch * shape.Heads * shape.Queries);
        return [new Launch(kernel, grid, Threads, SharedBytes(shape), [.. inputs.Arguments(), step.Outputs[0], step.Outputs[1]])];
    }

    /// <summary>Columns that a thread does: whole accesses and, where heads are rotated, whole pairs.</summary>
    private static int Piece(AttentionShape shape) => shape.HeadWidth % 8 == 0 ? 8 : shape.HeadWidth % 2 == 0 ? 2 : 1;

    /// <summary>A weight for every slot that a query can see.</summary>
    private static int SharedBytes(AttentionShape shape) => (shape.Past + shape.Slots) * sizeof(float);
}
