using Baka.Compiler.Plans;
using Baka.Cpu.Gemm;
using Baka.Cpu.Kernels;
using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Cpu.Execution;

/// <content>Products of matrices.</content>
internal sealed unsafe partial class StepBinder
{
    private Action Product(MatMul op, Step step, View? addend)
    {
        var (m, k, n) = op.Sizes([new(DType.Float32, step.Inputs[0].Shape), new(DType.Float32, step.Inputs[1].Shape)]);
        var a = op.TransposeA ? Matrix(step.Inputs[0]).Transposed : Matrix(step.Inputs[0]);
        var b = op.TransposeB ? Matrix(step.Inputs[1]).Transposed : Matrix(step.Inputs[1]);
        var c = Matrix(step.Outputs[0]);
        var accumulate = addend is not null;
        var prepare = addend is not null && Floats(addend) != c.Data ? Copy(addend, step.Outputs[0]) : null;
        return () =>
        {
            prepare?.Invoke();
            Sgemm.Multiply(_team, m, n, k, a, b, c, accumulate);
        };
    }

    private Action BatchProduct(BatchMatMul op, Step step, View? addend)
    {
        var (left, right) = (step.Inputs[0], step.Inputs[1]);
        var (batch, (m, k, n)) = (left.Shape[0], op.Sizes(left.Shape, right.Shape));
        var accumulate = addend is not null;
        var kernel = _kernels.Get((batch, m, n, k, accumulate), () => new BatchProduct(batch, m, n, k, accumulate));
        var (a, b) = (MatrixOf(left, op.TransposeA), MatrixOf(right, op.TransposeB));
        var (leftStride, rightStride) = ((nint)left.Strides[0], (nint)right.Strides[0]);
        var c = Floats(step.Outputs[0]);
        var prepare = addend is not null && Floats(addend) != c ? Copy(addend, step.Outputs[0]) : null;
        return () =>
        {
            prepare?.Invoke();
            kernel.Left = a;
            kernel.Right = b;
            kernel.LeftStride = leftStride;
            kernel.RightStride = rightStride;
            kernel.Output = c;
            kernel.Run(_team);
        };

        // The first of the batch.
        Matrix MatrixOf(View view, bool transposed)
        {
            var matrix = new Matrix(Floats(view), (nint)view.Strides[1], (nint)view.Strides[2]);
            return transposed ? matrix.Transposed : matrix;
        }
    }
}
