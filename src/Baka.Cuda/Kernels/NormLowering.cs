using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>
/// Norms of rows: a warp holds a narrow row in its registers, a block a wide one. A row is heads side by side; of what is widened
/// or narrowed each has its first values only, and no vector lies on both sides of their end.
/// </summary>
internal static class NormLowering
{
    private const int WideThreads = 512;

    /// <summary>Widths that a warp's registers hold: forward it keeps x, backward x, dy, what is added, and dw.</summary>
    private const int WarpWidth = 2048;
    private const int WarpWidthBackward = 1536;

    /// <summary>Threads of a block whose rows belong to warps, backward.</summary>
    private const int ThreadsBackward = 128;

    /// <summary>Blocks of a multiprocessor that keep its memory busy, backward, and the width up to which registers suffice for the most.</summary>
    private const int FewestBackward = 2;
    private const int MostBackward = 3;
    private const int WidthOfMost = 1024;

    /// <summary>(x, w) → (y, statistics).</summary>
    public static IReadOnlyList<Operation> Lower(Norm op, Step step) => Forward(op, heads: 1, step);

    /// <summary>(x, w) → (y, statistics, the widened x).</summary>
    public static IReadOnlyList<Operation> Lower(WideningNorm op, Step step) => Forward(op.Norm, op.Heads, step);

    /// <summary>(x, w, statistics, dy) → dx, and dw where it is wanted.</summary>
    public static IReadOnlyList<Operation> Lower(NormBackward op, Step step, LoweringContext context) => Backward(op, heads: 1, step, context);

    /// <summary>(x, w, statistics, dy, C) → C + dx, and dw where it is wanted.</summary>
    public static IReadOnlyList<Operation> Lower(NormBackwardAdd op, Step step, LoweringContext context) => Backward(op.Norm, heads: 1, step, context);

    /// <summary>Either, of whose first result only the first values of every head are written.</summary>
    public static IReadOnlyList<Operation> Lower(NarrowingNormBackward op, Step step, LoweringContext context) => Backward(op.Norm, op.Heads, step, context);

    private static IReadOnlyList<Operation> Forward(Norm op, int heads, Step step)
    {
        var (x, w, y, statistics) = (step.Inputs[0], step.Inputs[1], step.Outputs[0], step.Outputs[1]);
        var (rows, width) = (y.Shape[0], y.Shape[1]);
        var (head, used) = (width / heads, x.Shape[1] / heads);
        var (group, threads) = width <= WarpWidth ? (Blocks.WarpSize, Blocks.Threads) : (WideThreads, WideThreads);

        // What is not widened is not written again.
        var widened = step.Outputs.ElementAtOrDefault(WideningNorm.Widened) ?? y;
        var kernel = Kernel.FromFiles(
            "norm_forward",
            [
                ("ROWS", rows),
                ("WIDTH", width),
                ("HEAD", head),
                ("USED", used),
                ("VECTOR", VectorWidth.Choose(head | used, x, w, y, widened)),
                ("GROUP", group),
                ("THREADS", threads),
                ("CENTERED", op.Centered),
                ("EPSILON", op.Epsilon),
                ("X_TYPE", x.Storage.Type),
                ("X_STRIDE", x.Strides[0]),
                ("W_TYPE", w.Storage.Type),
                ("Y_TYPE", y.Storage.Type),
                ("Y_STRIDE", y.Strides[0]),
                ("S_TYPE", statistics.Storage.Type),
                ("WIDENED_TYPE", widened.Storage.Type),
                ("WIDENED_STRIDE", widened.Strides[0]),
            ],
            "Norm.cu",
            "NormForward.cu");
        return [new Launch(kernel, new Grid(Blocks.Count(rows, threads / group)), threads, 0, [x, w, y, statistics, widened])];
    }

    private static IReadOnlyList<Operation> Backward(NormBackward op, int heads, Step step, LoweringContext context)
    {
        var (x, w, statistics, dy, dx) = (step.Inputs[0], step.Inputs[1], step.Inputs[2], step.Inputs[3], step.Outputs[0]);
        var (rows, width) = (x.Shape[0], x.Shape[1]);
        var (head, used) = (width / heads, dx.Shape[1] / heads);
        var ofWarps = width <= WarpWidthBackward;
        var (group, threads) = ofWarps ? (Blocks.WarpSize, ThreadsBackward) : (WideThreads, WideThreads);
        var resident = width <= WidthOfMost ? MostBackward : FewestBackward;
        var blocks = Math.Min(resident * context.Device.Multiprocessors, Blocks.Count(rows, threads / group));

        // C, the last input where there is one. What is not added is not read.
        var past = step.Inputs.ElementAtOrDefault(4);
        var added = past ?? dx;

        // Without the weight's gradient the kernel writes no shares of it; the statistics stand in for them.
        var partial = op.OfWeight ? context.Scratch(Element.Float32, blocks, width) : statistics;
        var kernel = Kernel.FromFiles(
            "norm_backward",
            [
                ("ROWS", rows),
                ("WIDTH", width),
                ("HEAD", head),
                ("USED", used),
                ("VECTOR", VectorWidth.Choose(head | used, x, w, dy, added, dx)),
                ("GROUP", group),
                ("THREADS", threads),
                ("RESIDENT", ofWarps ? resident : 1),
                ("CENTERED", op.Centered),
                ("OF_WEIGHT", op.OfWeight),
                ("ADDS", past is not null),
                ("PAST_TYPE", added.Storage.Type),
                ("PAST_STRIDE", added.Strides[0]),
                ("X_TYPE", x.Storage.Type),
                ("X_STRIDE", x.Strides[0]),
                ("W_TYPE", w.Storage.Type),
                ("S_TYPE", statistics.Storage.Type),
                ("S_STRIDE", statistics.Strides[0]),
                ("DY_TYPE", dy.Storage.Type),
                ("DY_STRIDE", dy.Strides[0]),
                ("DX_TYPE", dx.Storage.Type),
                ("DX_STRIDE", dx.Strides[0]),
            ],
            "Norm.cu",
            "NormBackward.cu");
        var launch = new Launch(kernel, new Grid(blocks), threads, 0, [x, w, statistics, dy, added, dx, partial]);
        return op.OfWeight ? [launch, .. SumLowering.Reduce(partial, 1, blocks, width, step.Outputs[1], context)] : [launch];
    }
}
