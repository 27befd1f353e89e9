using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>Short causal convolutions of every channel by itself: a thread keeps the last inputs of some channels in registers.</summary>
internal static class ConvolutionLowering
{
    private const int Threads = 128;

    /// <summary>Slots of a thread, which reads k − 1 besides.</summary>
    private const int Run = 16;

    /// <summary>Channels of a thread at most: with more there are too few threads.</summary>
    private const int MostChannels = 4;

    /// <summary>(x, begins, tail, w, bias) → (y, tail).</summary>
    public static IReadOnlyList<Operation> Lower(DepthwiseConvolution op, Step step, LoweringContext context)
    {
        var (x, y) = (step.Inputs[0], step.Outputs[0]);
        var vector = Math.Min(VectorWidth.Choose(x.Shape[2], x, y), MostChannels);
        var kernel = Kernel(
            "ConvolutionForward.cu", "convolution_forward", step, vector,
            ("Y_TYPE", y.Storage.Type),
            ("NEXT_TYPE", step.Outputs[1].Storage.Type));
        return [new Launch(kernel, Grid(x, x.Shape[1], vector), Threads, 0, [.. step.Inputs, .. step.Outputs])];
    }

    /// <summary>(x, begins, tail, w, bias, dy[, dNext]) → (dx, dTail, dw, dBias).</summary>
    public static IReadOnlyList<Operation> Lower(DepthwiseConvolutionBackward op, Step step, LoweringContext context)
    {
        var (x, dy, dNext, dx) = (step.Inputs[0], step.Inputs[5], step.Inputs[^1], step.Outputs[0]);
        var (channels, taps) = (x.Shape[2], step.Inputs[3].Shape[0]);
        var slots = taps - 1 + x.Shape[1];
        var vector = Math.Min(VectorWidth.Choose(channels, x, dy, dx), MostChannels);
        var parts = x.Shape[0] * Blocks.Count(slots, Run);
        var weightParts = context.Scratch(Element.Float32, parts, taps, channels);
        var biasParts = context.Scratch(Element.Float32, parts, channels);
        var kernel = Kernel(
            "ConvolutionBackward.cu", "convolution_backward", step, vector,
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
                kernel, Grid(x, slots, vector), Threads, 0,
                [.. step.Inputs.Take(6), dNext, dx, step.Outputs[1], weightParts, biasParts]),
            .. SumLowering.ReduceAll(context, (weightParts, step.Outputs[2]), (biasParts, step.Outputs[3])),
        ];
    }

    private static Grid Grid(View x, int slots, int vector) =>
        new(Blocks.Count(x.Shape[2] / vector, Threads) * Blocks.Count(slots, Run) * x.Shape[0]);

    private static Kernel Kernel(string file, string name, Step step, int vector, params (string Name, object Value)[] defines)
    {
        var x = step.Inputs[0];
        return Lowering.Kernel.FromFiles(
            name,
            [
                ("ROWS", x.Shape[0]),
                ("SLOTS", x.Shape[1]),
                ("WIDTH", x.Shape[2]),
                ("TAPS", step.Inputs[3].Shape[0]),
                ("RUN", Run),
                ("VECTOR", vector),
                ("THREADS", Threads),
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
}
