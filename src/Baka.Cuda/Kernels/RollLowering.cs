using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>Features that roll inside their cycles: a thread for each.</summary>
internal static class RollLowering
{
    /// <summary>(x, shift, first, length) → y.</summary>
    public static IReadOnlyList<Operation> Lower(Roll op, Step step)
    {
        var (x, y) = (step.Inputs[0], step.Outputs[0]);
        var kernel = Kernel.FromFile(
            "Roll.cu",
            "roll",
            ("COUNT", y.Shape.Count),
            ("HEADS", x.Shape[1]),
            ("SLOTS", x.Shape[2]),
            ("WIDTH", x.Shape[3]),
            ("BACK", op.Back),
            ("THREADS", Blocks.Threads),
            ("X_TYPE", x.Storage.Type),
            ("X_ROW_STRIDE", x.Strides[0]),
            ("X_HEAD_STRIDE", x.Strides[1]),
            ("X_SLOT_STRIDE", x.Strides[2]),
            ("Y_TYPE", y.Storage.Type));
        return [new Launch(kernel, new Grid(Blocks.Count(y.Shape.Count, Blocks.Threads)), Blocks.Threads, 0, [.. step.Inputs, y])];
    }
}
