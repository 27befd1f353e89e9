namespace Baka.Cuda.Interop;

/// <summary>cudaDataType of library_types.h.</summary>
internal static class CublasType
{
    public const int Float32 = 0;
    public const int BFloat16 = 14;
}

/// <summary>cublasComputeType_t: what products are summed in and how f32 operands are rounded before.</summary>
internal static class CublasCompute
{
    public const int Float32 = 68;

    /// <summary>Operands in f32 are rounded to 10 bits of precision for the tensor cores.</summary>
    public const int Float32FastTf32 = 77;
}

/// <summary>cublasLtMatmulDescAttributes_t; both are of 32 bits, 0 for N and 1 for T.</summary>
internal static class MatmulAttribute
{
    public const int TransposeA = 3;
    public const int TransposeB = 4;
}

/// <summary>cublasLtMatrixLayoutAttribute_t.</summary>
internal static class LayoutAttribute
{
    /// <summary>32 bits.</summary>
    public const int BatchCount = 5;

    /// <summary>64 bits, in elements.</summary>
    public const int BatchStride = 6;
}

/// <summary>cublasLtMatmulPreferenceAttributes_t.</summary>
internal static class PreferenceAttribute
{
    /// <summary>64 bits.</summary>
    public const int MaxWorkspaceBytes = 1;

    /// <summary>32 bits; a mask of reduction schemes, see <see cref="ReductionScheme"/>.</summary>
    public const int ReductionSchemeMask = 3;

    /// <summary>32 bits, as for B, C and D.</summary>
    public const int MinAlignmentA = 5;
    public const int MinAlignmentB = 6;
    public const int MinAlignmentC = 7;
    public const int MinAlignmentD = 8;
}

/// <summary>cublasLtReductionScheme_t: where the parts of a sum that is split over blocks are kept.</summary>
internal static class ReductionScheme
{
    /// <summary>In the workspace, in the type of the sums. The others (1 in the output, 4 in the workspace in the output's type) round parts.</summary>
    public const int ComputeType = 2;
}
