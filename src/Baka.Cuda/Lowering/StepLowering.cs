using Baka.Compiler.Fusion;
using Baka.Compiler.Passes;
using Baka.Compiler.Plans;
using Baka.Cuda.Elementwise;
using Baka.Cuda.Kernels;
using Baka.Graph.Ops;

namespace Baka.Cuda.Lowering;

/// <summary>Turns the steps of a plan into what the GPU does for them.</summary>
internal sealed class StepLowering(LoweringContext context)
{
    /// <param name="number">See <see cref="LoweringContext.BeginStep"/>.</param>
    /// <exception cref="NotSupportedException">There is no kernel for the step.</exception>
    public LoweredStep Lower(Step step, int number)
    {
        context.BeginStep(number);
        return new LoweredStep([step], Operations(step));
    }

    private IReadOnlyList<Operation> Operations(Step step) =>
        step.Op switch
        {
            FusedElementwise op => ElementwiseLowering.Lower(op, step, context),
            FinishedProduct op => FinishedProductLowering.Lower(op, step, context),
            StepLinear op => FinishedProductLowering.Lower(op, step, context),
            MatMul op => ProductLowering.Lower(step.Inputs[0], op.TransposeA, step.Inputs[1], op.TransposeB, null, step.Outputs[0], context),
            MatMulAdd op => ProductLowering.Lower(step.Inputs[0], op.TransposeA, step.Inputs[1], op.TransposeB, step.Inputs[2], step.Outputs[0], context),
            BatchMatMul op => ProductLowering.Lower(step.Inputs[0], op.TransposeA, step.Inputs[1], op.TransposeB, null, step.Outputs[0], context),
            BatchMatMulAdd op => ProductLowering.Lower(step.Inputs[0], op.TransposeA, step.Inputs[1], op.TransposeB, step.Inputs[2], step.Outputs[0], context),
            Roll op => RollLowering.Lower(op, step),
            Copy => CopyLowering.Lower(step.Inputs[0], step.Outputs[0], context),
            Attention op => AttentionLowering.Forward(op, step, context),
            AttentionBackward op => AttentionLowering.Backward(op, step, context),
            Norm op => NormLowering.Lower(op, step),
            WideningNorm op => NormLowering.Lower(op, step),
            NormBackward op => NormLowering.Lower(op, step, context),
            NormBackwardAdd op => NormLowering.Lower(op, step, context),
            NarrowingNormBackward op => NormLowering.Lower(op, step, context),
            LinearCrossEntropy op => CrossEntropyLowering.Lower(op, step, context),
            LinearCrossEntropyGradient op => CrossEntropyLowering.Lower(op, step, context),
            LinearCrossEntropyGradientAdd op => CrossEntropyLowering.Lower(op, step, context),
            GatherRows op => RowsLowering.Lower(op, step, context),
            ScatterRows op => RowsLowering.Lower(op, step, context),
            ScatterRowsAdd op => RowsLowering.Lower(op, step, context),
            ReplaceRows op => RowsLowering.Lower(op, step, context),
            StepSum op => StepSumLowering.Lower(op, step, context),
            StepSpread op => StepSumLowering.Lower(op, step, context),
            DepthwiseConvolution op => ConvolutionLowering.Lower(op, step, context),
            DepthwiseConvolutionBackward op => ConvolutionLowering.Lower(op, step, context),
            Scan op => ScanLowering.Lower(op, step, context),
            ScanBackward op => ScanLowering.Lower(op, step, context),
            Sum op => SumLowering.Lower(op, step, context),
            SumOfSquares op => SumOfSquaresLowering.Lower(op, step, context),
            ConvertToFloat op => ConversionLowering.Lower(op, step, context),
            _ => throw new NotSupportedException($"{step.Module}: the GPU has no kernel for {step.Op.Kind}."),
        };
}
