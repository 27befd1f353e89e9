using Baka.Compiler.Plans;
using Baka.Cuda.Interop;

namespace Baka.Cuda.Products;

/// <summary>
/// cuBLASLt's description of a product and the algorithm chosen for it. cuBLASLt thinks in columns: what is row-major
/// to us is transposed to it, and Dᵀ = Bᵀ·Aᵀ. So our B is its first operand, our A its second, and the orders stay as they are.
/// </summary>
internal sealed unsafe class PreparedProduct : IDisposable
{
    private MatmulAlgorithm _algorithm;

    /// <exception cref="CudaException">cuBLASLt can't describe the product.</exception>
    public PreparedProduct(CublasLt library, ProductShape shape)
    {
        Library = library;
        Shape = shape;
        try
        {
            nint handle;
            CublasLt.Check(library.MatmulDescCreate(&handle, shape.FastTf32 ? CublasCompute.Float32FastTf32 : CublasCompute.Float32, CublasType.Float32), "cublasLtMatmulDescCreate");
            Operation = handle;
            SetOrder(MatmulAttribute.TransposeA, shape.B.Transposed);
            SetOrder(MatmulAttribute.TransposeB, shape.A.Transposed);
            First = Layout(shape.B);
            Second = Layout(shape.A);
            Result = Layout(shape.D);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    public CublasLt Library { get; }

    public ProductShape Shape { get; }

    public nint Operation { get; private set; }

    /// <summary>The layout of our B.</summary>
    public nint First { get; private set; }

    /// <summary>The layout of our A.</summary>
    public nint Second { get; private set; }

    public nint Result { get; private set; }

    public ref MatmulAlgorithm Algorithm => ref _algorithm;

    public void Dispose()
    {
        if (Operation != 0)
        {
            _ = Library.MatmulDescDestroy(Operation);
        }

        foreach (var layout in (ReadOnlySpan<nint>)[First, Second, Result])
        {
            if (layout != 0)
            {
                _ = Library.MatrixLayoutDestroy(layout);
            }
        }

        Operation = First = Second = Result = 0;
    }

    private void SetOrder(int attribute, bool transposed)
    {
        var value = transposed ? 1 : 0;
        CublasLt.Check(Library.MatmulDescSetAttribute(Operation, attribute, &value, sizeof(int)), "cublasLtMatmulDescSetAttribute");
    }

    private nint Layout(Operand operand)
    {
        nint handle;
        var type = operand.Type == Element.BFloat16 ? CublasType.BFloat16 : CublasType.Float32;
        CublasLt.Check(Library.MatrixLayoutCreate(&handle, type, (ulong)operand.Columns, (ulong)operand.Rows, operand.Stride), "cublasLtMatrixLayoutCreate");
        if (operand.Batch > 1)
        {
            var (batch, stride) = (operand.Batch, operand.BatchStride);
            CublasLt.Check(Library.MatrixLayoutSetAttribute(handle, LayoutAttribute.BatchCount, &batch, sizeof(int)), "cublasLtMatrixLayoutSetAttribute");
            CublasLt.Check(Library.MatrixLayoutSetAttribute(handle, LayoutAttribute.BatchStride, &stride, sizeof(long)), "cublasLtMatrixLayoutSetAttribute");
        }

        return handle;
    }
}
