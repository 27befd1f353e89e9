using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>Short causal convolutions of every channel by itself: a thread keeps the last inputs of some channels in registers.</summary>
internal static class ConvolutionLowering
{
    /// <summary>Of a block: each takes a run of slots.</summary>
    private const int Warps = 4;

    /// <summary>Blocks of a multiprocessor for which registers shall suffice, forward and backward.</summary>
    private const int ResidentForward = 6;
    private const int ResidentBackward = 3;

    /// <summary>The fewest slots of a thread, which reads k − 1 besides.</summary>
    private const int LeastRun = 8;

    /// <summary>Channels of a thread at most: with more there are too few threads.</summary>
    private const int MostChannels = 4;

    /// <summary>(x, begins, tail, w, bias) → (y, tail).</summary>
    public static IReadOnlyList<Operation> Lower(DepthwiseConvolution op, Step step, LoweringContext context)
    {
        var (x, y) = (step.Inputs[0], step.Outputs[0]);
        var vector = Math.Min(VectorWidth.Choose(x.Shape[2], x, y), MostChannels);
        var cut = Cut.Of(x, x.Shape[1], vector, ResidentForward, context.Device);
        var kernel = Kernel(
            "ConvolutionForward.cu", "convolution_forward", step, vector, cut,
            ("Y_TYPE", y.Storage.Type),
            ("NEXT_TYPE", step.Outputs[1].Storage.Type));
        return [new Launch(kernel, new Grid(cut.Columns * cut.Parts), Warps * Blocks.WarpSize, 0, [.. step.Inputs, .. step.Outputs])];
    }

    /// <summary>(x, begins, tail, w, bias, dy[, dNext]) → (dx, dTail, dw, dBias).</summary>
    public static IReadOnlyList<Operation> Lower(DepthwiseConvolutionBackward op, Step step, LoweringContext context)
    {
        var (x, dy, dNext, dx) = (step.Inputs[0], step.Inputs[5], step.Inputs[^1], step.Outputs[0]);
        var (channels, taps) = (x.Shape[2], step.Inputs[3].Shape[0]);
        var vector = Math.Min(VectorWidth.Choose(channels, x, dy, dx), MostChannels);
        var cut = Cut.Of(x, taps - 1 + x.Shape[1], vector, ResidentBackward, context.Device);
        var weightParts = context.Scratch(Element.Float32, cut.Parts, taps, channels);
        var biasParts = context.Scratch(Element.Float32, cut.Parts, channels);
        var kernel = Kernel(
            "ConvolutionBackward.cu", "convolution_backward", step, vector, cut,
            ("HAS_NEXT", op.HasTail),
            ("DY_TYPE", dy.Storage.Type),
            ("DNEXT_TYPE", dNext.Storage.Type),
            ("DX_TYPE", dx.Storage.Type),
            ("DX_ROW_STRIDE", dx.Strides[0]),
            ("DX_STRIDE", dx.Strides[1]),
            ("DTAIL_TYPE", step.Outputs[1].Storage.Type));
        return
        [
            new Launch(
                kernel, new Grid(cut.Columns * cut.Parts), Warps * Blocks.WarpSize, 0,
                [.. step.Inputs.Take(6), dNext, dx, step.Outputs[1], weightParts, biasParts]),
            .. SumLowering.ReduceAll(context, (weightParts, step.Outputs[2]), (biasParts, step.Outputs[3])),
        ];
    }

    private static Kernel Kernel(string file, string name, Step step, int vector, Cut cut, params (string Name, object Value)[] defines)
    {
        var x = step.Inputs[0];
        return Lowering.Kernel.FromFiles(
            name,
            [
                ("ROWS", x.Shape[0]),
                ("SLOTS", x.Shape[1]),
                ("WIDTH", x.Shape[2]),
                ("TAPS", step.Inputs[3].Shape[0]),
                ("RUN", cut.Run),
                ("VECTOR", vector),
                ("WARPS", Warps),
                ("RESIDENT", cut.Resident),
                ("X_TYPE", x.Storage.Type),
                ("X_ROW_STRIDE", x.Strides[0]),
                ("X_STRIDE", x.Strides[1]),
                ("BEGINS_TYPE", step.Inputs[1].Storage.Type),
                ("TAIL_TYPE", step.Inputs[2].Storage.Type),
                ("W_TYPE", step.Inputs[3].Storage.Type),
                ("BIAS_TYPE", step.Inputs[4].Storage.Type),
                .. defines,
            ],
            "ElementwiseFunctions.cuh", "Convolution.cu", file);
    }

    /// <summary>How the work of a kernel is cut.</summary>
    /// <param name="Columns">Blocks side by side that all channels take.</param>
    /// <param name="Parts">Blocks that all slots of all rows take.</param>
    /// <param name="Run">Slots of a warp.</param>
    /// <param name="Resident">Blocks that a multiprocessor shall hold.</param>
    private sealed record Cut(int Columns, int Parts, int Run, int Resident)
    {
        /// <summary>Runs are as short as they can be while all blocks find room at once: a few left over would take as long as all others.</summary>
        public static Cut Of(View x, int slots, int vector, int resident, DeviceProfile device)
        {
            var (rows, columns) = (x.Shape[0], Blocks.Count(x.Shape[2] / vector, Blocks.WarpSize));
            var most = Math.Max(1, resident * device.Multiprocessors / (columns * rows));
            var run = Math.Max(LeastRun, Blocks.Count(slots, most * Warps));
            return new Cut(columns, rows * Blocks.Count(Blocks.Count(slots, run), Warps), run, resident);
        }
    }
}
