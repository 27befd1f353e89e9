using Baka.Cuda.Interop;

namespace Baka.Cuda.Products;

/// <summary>Asks cuBLASLt which algorithms it has for a product.</summary>
/// <param name="handle">cuBLASLt's own.</param>
internal sealed unsafe class AlgorithmFinder(CublasLt library, nint handle, long workspaceBytes)
{
    /// <summary>Proposals, in cuBLASLt's opinion the fastest first.</summary>
    /// <exception cref="CudaException">There is none.</exception>
    public HeuristicResult[] Propose(PreparedProduct product, int wanted)
    {
        nint preference;
        CublasLt.Check(library.PreferenceCreate(&preference), "cublasLtMatmulPreferenceCreate");
        try
        {
            var workspace = (ulong)workspaceBytes;
            CublasLt.Check(library.PreferenceSetAttribute(preference, PreferenceAttribute.MaxWorkspaceBytes, &workspace, sizeof(ulong)), "cublasLtMatmulPreferenceSetAttribute");
            Set(preference, PreferenceAttribute.ReductionSchemeMask, ReductionScheme.ComputeType);
            Set(preference, PreferenceAttribute.MinAlignmentA, product.Shape.B.Alignment);
            Set(preference, PreferenceAttribute.MinAlignmentB, product.Shape.A.Alignment);
            Set(preference, PreferenceAttribute.MinAlignmentC, product.Shape.D.Alignment);
            Set(preference, PreferenceAttribute.MinAlignmentD, product.Shape.D.Alignment);
            return Ask(product, preference, wanted);
        }
        finally
        {
            _ = library.PreferenceDestroy(preference);
        }
    }

    /// <summary>Whether an algorithm from elsewhere can compute a product here.</summary>
    public bool Accepts(PreparedProduct product, MatmulAlgorithm algorithm)
    {
        HeuristicResult result = default;
        var status = library.AlgoCheck(handle, product.Operation, product.First, product.Second, product.Result, product.Result, &algorithm, &result);
        return status == 0 && (long)result.WorkspaceBytes <= workspaceBytes;
    }

    private void Set(nint preference, int attribute, int value) =>
        CublasLt.Check(library.PreferenceSetAttribute(preference, attribute, &value, sizeof(int)), "cublasLtMatmulPreferenceSetAttribute");

    private HeuristicResult[] Ask(PreparedProduct product, nint preference, int wanted)
    {
        var results = new HeuristicResult[wanted];
        int got;
        fixed (HeuristicResult* first = results)
        {
            CublasLt.Check(
                library.AlgoGetHeuristic(handle, product.Operation, product.First, product.Second, product.Result, product.Result, preference, wanted, first, &got),
                $"cublasLtMatmulAlgoGetHeuristic for {product.Shape}");
        }

        HeuristicResult[] usable = [.. results.Take(got).Where(result => result.Status == 0)];
        return usable.Length > 0 ? usable : throw new CudaException($"cuBLASLt has no algorithm for the product {product.Shape}.");
    }
}
