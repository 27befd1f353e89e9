using System.Diagnostics.CodeAnalysis;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Baka.Cuda.Interop;

/// <summary>NVIDIA's matrix products. Enumerations are those of cublasLt.h, the same in CUDA 12 and 13.</summary>
internal sealed unsafe class CublasLt
{
    public readonly delegate* unmanaged<nint*, int> Create;
    public readonly delegate* unmanaged<nint, int> Destroy;
    public readonly delegate* unmanaged<nint*, int, int, int> MatmulDescCreate;
    public readonly delegate* unmanaged<nint, int> MatmulDescDestroy;
    public readonly delegate* unmanaged<nint, int, void*, nuint, int> MatmulDescSetAttribute;
    public readonly delegate* unmanaged<nint*, int, ulong, ulong, long, int> MatrixLayoutCreate;
    public readonly delegate* unmanaged<nint, int> MatrixLayoutDestroy;
    public readonly delegate* unmanaged<nint, int, void*, nuint, int> MatrixLayoutSetAttribute;
    public readonly delegate* unmanaged<nint*, int> PreferenceCreate;
    public readonly delegate* unmanaged<nint, int> PreferenceDestroy;
    public readonly delegate* unmanaged<nint, int, void*, nuint, int> PreferenceSetAttribute;

    /// <summary>Handle, operation, layouts of A, B, C and D, preference, wanted, results, got.</summary>
    public readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, HeuristicResult*, int*, int> AlgoGetHeuristic;

    /// <summary>Handle, operation, layouts of A, B, C and D, algorithm, result.</summary>
    public readonly delegate* unmanaged<nint, nint, nint, nint, nint, nint, MatmulAlgorithm*, HeuristicResult*, int> AlgoCheck;

    /// <summary>Handle, operation, alpha, A and layout, B and layout, beta, C and layout, D and layout, algorithm, workspace, its size, stream.</summary>
    public readonly delegate* unmanaged<nint, nint, void*, ulong, nint, ulong, nint, void*, ulong, nint, ulong, nint, MatmulAlgorithm*, ulong, nuint, nint, int> Matmul;

    /// <exception cref="CudaException">A function is missing.</exception>
    public CublasLt(NativeModule library)
    {
        Create = (delegate* unmanaged<nint*, int>)library.Export("cublasLtCreate");
        Destroy = (delegate* unmanaged<nint, int>)library.Export("cublasLtDestroy");
        MatmulDescCreate = (delegate* unmanaged<nint*, int, int, int>)library.Export("cublasLtMatmulDescCreate");
        MatmulDescDestroy = (delegate* unmanaged<nint, int>)library.Export("cublasLtMatmulDescDestroy");
        MatmulDescSetAttribute = (delegate* unmanaged<nint, int, void*, nuint, int>)library.Export("cublasLtMatmulDescSetAttribute");
        MatrixLayoutCreate = (delegate* unmanaged<nint*, int, ulong, ulong, long, int>)library.Export("cublasLtMatrixLayoutCreate");
        MatrixLayoutDestroy = (delegate* unmanaged<nint, int>)library.Export("cublasLtMatrixLayoutDestroy");
        MatrixLayoutSetAttribute = (delegate* unmanaged<nint, int, void*, nuint, int>)library.Export("cublasLtMatrixLayoutSetAttribute");
        PreferenceCreate = (delegate* unmanaged<nint*, int>)library.Export("cublasLtMatmulPreferenceCreate");
        PreferenceDestroy = (delegate* unmanaged<nint, int>)library.Export("cublasLtMatmulPreferenceDestroy");
        PreferenceSetAttribute = (delegate* unmanaged<nint, int, void*, nuint, int>)library.Export("cublasLtMatmulPreferenceSetAttribute");
        AlgoGetHeuristic = (delegate* unmanaged<nint, nint, nint, nint, nint, nint, nint, int, HeuristicResult*, int*, int>)library.Export("cublasLtMatmulAlgoGetHeuristic");
        AlgoCheck = (delegate* unmanaged<nint, nint, nint, nint, nint, nint, MatmulAlgorithm*, HeuristicResult*, int>)library.Export("cublasLtMatmulAlgoCheck");
        Matmul = (delegate* unmanaged<nint, nint, void*, ulong, nint, ulong, nint, void*, ulong, nint, ulong, nint, MatmulAlgorithm*, ulong, nuint, nint, int>)library.Export("cublasLtMatmul");
        Version = ((delegate* unmanaged<nuint>)library.Export("cublasLtGetVersion"))();
    }

    /// <summary>Such as 130100 for 13.1.0.</summary>
    public nuint Version { get; }

    /// <exception cref="CudaException">The result is an error.</exception>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Check(int status, string call)
    {
        if (status != 0)
        {
            Throw(status, call);
        }
    }

    [DoesNotReturn]
    private static void Throw(int status, string call) => throw new CudaException($"cuBLASLt refused {call}: {Name(status)} ({status}).");

    /// <summary>cublasStatus_t in words.</summary>
    private static string Name(int status) => status switch
    {
        1 => "not initialized; the driver may be too old for this version",
        3 => "not enough memory",
        7 => "invalid value",
        8 => "the GPU lacks a feature",
        11 => "memory can't be reached",
        13 => "the execution failed",
        14 => "internal error",
        15 => "not supported",
        _ => "unknown status",
    };
}

/// <summary>How a product is computed: opaque, and valid for the same version of cuBLASLt.</summary>
[InlineArray(8)]
internal struct MatmulAlgorithm
{
    private ulong _first;
}

/// <summary>One proposal of cuBLASLt's for a product.</summary>
[StructLayout(LayoutKind.Sequential, Size = 96)]
internal struct HeuristicResult
{
    public MatmulAlgorithm Algorithm;
    public nuint WorkspaceBytes;

    /// <summary>0 where the proposal can be used.</summary>
    public int Status;
    public float Waves;
}
