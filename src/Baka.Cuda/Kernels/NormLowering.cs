using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>Norms of rows: a warp holds a narrow row in its registers, a block a wide one.</summary>
internal static class NormLowering
{
    private const int WideThreads = 512;

    /// <summary>Widths that a warp's registers hold: forward it keeps x, backward x, dy, w and dw.</summary>
    private const int WarpWidth = 2048;
    private const int WarpWidthBackward = 1024;

    /// <summary>(x, w) → (y, statistics).</summary>
    public static IReadOnlyList<Operation> Lower(Norm op, Step step, LoweringContext context)
    {
        var (x, w, y, statistics) = (step.Inputs[0], step.Inputs[1], step.Outputs[0], step.Outputs[1]);
        var (rows, width) = (x.Shape[0], x.Shape[1]);
        var (group, threads) = Threads(width, WarpWidth);
        var kernel = Kernel.FromFile(
            "NormForward.cu",
            "norm_forward",
            ("ROWS", rows),
            ("WIDTH", width),
            ("VECTOR", VectorWidth.Choose(width, x, w, y)),
            ("GROUP", group),
            ("THREADS", threads),
            ("CENTERED", op.Centered),
            ("EPSILON", op.Epsilon),
            ("X_TYPE", x.Storage.Type),
            ("X_STRIDE", x.Strides[0]),
            ("W_TYPE", w.Storage.Type),
            ("Y_TYPE", y.Storage.Type),
            ("Y_STRIDE", y.Strides[0]),
            ("S_TYPE", statistics.Storage.Type));
        return [new Launch(kernel, new Grid(Blocks.Count(rows, threads / group)), threads, 0, [x, w, y, statistics])];
    }

    /// <summary>(x, w, statistics, dy) → dx, and dw where it is wanted.</summary>
    public static IReadOnlyList<Operation> Lower(NormBackward op, Step step, LoweringContext context) => Backward(op, step, adds: false, context);

    /// <summary>(x, w, statistics, dy, C) → C + dx, and dw where it is wanted.</summary>
    public static IReadOnlyList<Operation> Lower(NormBackwardAdd op, Step step, LoweringContext context) =>
        [.. CopyLowering.Into(step.Outputs[0], step.Inputs[op.Addend], context), .. Backward(op.Norm, step, adds: true, context)];

    private static IReadOnlyList<Operation> Backward(NormBackward op, Step step, bool adds, LoweringContext context)
    {
        var (x, w, statistics, dy, dx) = (step.Inputs[0], step.Inputs[1], step.Inputs[2], step.Inputs[3], step.Outputs[0]);
        var (rows, width) = (x.Shape[0], x.Shape[1]);
        var (group, threads) = Threads(width, WarpWidthBackward);
        var blocks = Math.Min(2 * context.Device.Multiprocessors, Blocks.Count(rows, threads / group));

        // Without the weight's gradient the kernel writes no shares of it; the statistics stand in for them.
        var partial = op.OfWeight ? context.Scratch(Element.Float32, blocks, width) : statistics;
        var kernel = Kernel.FromFile(
            "NormBackward.cu",
            "norm_backward",
            ("ROWS", rows),
            ("WIDTH", width),
            ("VECTOR", VectorWidth.Choose(width, x, w, dy, dx)),
            ("GROUP", group),
            ("THREADS", threads),
            ("CENTERED", op.Centered),
            ("OF_WEIGHT", op.OfWeight),
            ("ADDS", adds),
            ("X_TYPE", x.Storage.Type),
            ("X_STRIDE", x.Strides[0]),
            ("W_TYPE", w.Storage.Type),
            ("S_TYPE", statistics.Storage.Type),
            ("S_STRIDE", statistics.Strides[0]),
            ("DY_TYPE", dy.Storage.Type),
            ("DY_STRIDE", dy.Strides[0]),
            ("DX_TYPE", dx.Storage.Type),
            ("DX_STRIDE", dx.Strides[0]));
        var launch = new Launch(kernel, new Grid(blocks), threads, 0, [x, w, statistics, dy, dx, partial]);
        return op.OfWeight ? [launch, .. SumLowering.Reduce(partial, 1, blocks, width, step.Outputs[1], context)] : [launch];
    }

    /// <summary>Threads that hold a row, and threads of a block.</summary>
    private static (int Group, int Threads) Threads(int width, int warpWidth) =>
        width <= warpWidth ? (Blocks.WarpSize, Blocks.Threads) : (WideThreads, WideThreads);
}
