using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph;

namespace Baka.Cuda.Kernels;

/// <summary>The shifted sum behind a step layer's product, and its adjoint. Rows may lie apart, as parts of a wide product do.</summary>
internal static class StepSumLowering
{
    /// <summary>P → y.</summary>
    public static IReadOnlyList<Operation> Lower(StepSum op, Step step, LoweringContext context) =>
        [Launch("StepSum.cu", "step_sum", op, step.Inputs[0], step.Outputs[0], step.Outputs[0].Shape, step.Outputs[0].Shape[1])];

    /// <summary>dy → dP.</summary>
    public static IReadOnlyList<Operation> Lower(StepSpread op, Step step, LoweringContext context) =>
        [Launch("StepSpread.cu", "step_spread", op.Forward, step.Inputs[0], step.Outputs[0], step.Inputs[0].Shape, step.Outputs[0].Shape[1] + op.Forward.Width - 1)];

    /// <param name="narrow">[groups, positions, width] of y and dy.</param>
    /// <param name="turns">Rows of a group that warps take.</param>
    private static Launch Launch(string file, string name, StepSum op, View x, View y, Shape narrow, int turns)
    {
        var rows = y.Shape[0] * turns;
        var kernel = Kernel.FromFile(
            file,
            name,
            ("ROWS", rows),
            ("POSITIONS", narrow[1]),
            ("WIDTH", narrow[2]),
            ("STEPS", op.Width),
            ("STRIDE", op.Stride),
            ("HISTORY", op.History),
            ("VECTOR", VectorWidth.Choose(narrow[2], x, y)),
            ("THREADS", Blocks.Threads),
            ("X_TYPE", x.Storage.Type),
            ("X_GROUP_STRIDE", x.Strides[0]),
            ("X_STRIDE", x.Strides[1]),
            ("Y_TYPE", y.Storage.Type),
            ("Y_GROUP_STRIDE", y.Strides[0]),
            ("Y_STRIDE", y.Strides[1]));
        return new Launch(kernel, new Grid(Blocks.OfWarps(rows)), Blocks.Threads, 0, [x, y]);
    }
}
