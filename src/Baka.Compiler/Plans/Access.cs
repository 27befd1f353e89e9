using Baka.Compiler.Fusion;
using Baka.Compiler.Passes;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Plans;

/// <summary>What kernels can read and write without a copy.</summary>
internal static class Access
{
    /// <summary>Whether a kernel of this op takes an input as it lies.</summary>
    public static bool CanRead(Op op, int input, View view) => op switch
    {
        Copy => true,
        SumOfSquares => view.IsPacked,
        FusedElementwise => InnerStride(view) is 0 or 1,
        FinishedProduct product => input > product.Products ? InnerStride(view) is 0 or 1 : IsMatrix(view),
        MatMul or MatMulAdd => input == 2 ? InnerStride(view) == 1 : IsMatrix(view),
        BatchMatMul or BatchMatMulAdd when input < 2 => IsMatrix(view),
        Roll when input == 0 => view.Strides[3] == 1 || view.Shape[3] == 1,
        Norm or NormBackward or NormBackwardAdd or WideningNorm or NarrowingNormBackward or Attention or AttentionBackward or GatherRows or ScatterRows or LinearCrossEntropy or LinearCrossEntropyGradient or LinearCrossEntropyGradientAdd or ScatterRowsAdd or StepSum or StepSpread =>
            view.Shape.Rank < 2 ? view.IsDense : InnerStride(view) == 1,
        DepthwiseConvolution or DepthwiseConvolutionBackward when input == 0 => InnerStride(view) == 1,
        Scan { Selective: true } or ScanBackward { Selective: true } when input is Scan.Readout or Scan.Gain => InnerStride(view) == 1,
        _ => view.IsDense,
    };

    /// <summary>Whether a kernel of this op can put an output among others, its rows apart from each other.</summary>
    public static bool CanWriteRows(Op op, int output) => op switch
    {
        FusedElementwise or FinishedProduct or MatMul or MatMulAdd or Concat or Pad => true,
        Norm or NormBackward or NormBackwardAdd or NarrowingNormBackward or LinearCrossEntropyGradient or LinearCrossEntropyGradientAdd or Attention => output == 0,
        WideningNorm => output is 0 or WideningNorm.Widened,
        DepthwiseConvolutionBackward => output == 0,
        ScanBackward { Selective: true } => output is ScanBackward.Readout or ScanBackward.Gain,
        AttentionBackward => true,
        GatherRows or StepSum or StepSpread => true,
        _ => false,
    };

    public static long InnerStride(View view)
    {
        for (var axis = view.Shape.Rank - 1; axis >= 0; axis--)
        {
            if (view.Shape[axis] > 1)
            {
                return view.Strides[axis];
            }
        }

        return 1;
    }

    /// <summary>Whether rows or columns, of each matrix of a batch, are contiguous.</summary>
    private static bool IsMatrix(View view)
    {
        var (rows, columns) = (view.Shape.Rank - 2, view.Shape.Rank - 1);
        return view.Strides[rows] == 1 || view.Strides[columns] == 1 || view.Shape[rows] == 1 || view.Shape[columns] == 1;
    }
}
