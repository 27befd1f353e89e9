using System.Runtime.InteropServices;

namespace Baka.Benchmarks;

/// <summary>The yardstick for matrix products: Debian's <c>libopenblas0-pthread</c>, through C BLAS.</summary>
internal static unsafe partial class OpenBlas
{
    private const string Library = "libopenblas.so.0";
    private const int RowMajor = 101;
    private const int NoTranspose = 111;
    private const int Transpose = 112;

    public static bool IsAvailable { get; } = NativeLibrary.TryLoad(Library, out _);

    /// <summary>The kernels that the environment makes it use; null when it chooses them by the processor.</summary>
    public static string? ForcedCore => Environment.GetEnvironmentVariable("OPENBLAS_CORETYPE");

    /// <summary>The set of kernels in use.</summary>
    public static string CoreName => Marshal.PtrToStringUTF8(CoreNamePointer()) ?? "unknown";

    [LibraryImport(Library, EntryPoint = "openblas_set_num_threads")]
    public static partial void SetThreads(int threads);

    /// <summary>C [m, n] = A · B + (accumulate ? C : 0), all stored by rows; A as [k, m] and B as [n, k] when transposed.</summary>
    public static void Multiply(int m, int n, int k, float* a, bool transposeA, float* b, bool transposeB, float* c, bool accumulate) =>
        Sgemm(
            RowMajor, transposeA ? Transpose : NoTranspose, transposeB ? Transpose : NoTranspose, m, n, k,
            1f, a, transposeA ? m : k, b, transposeB ? k : n, accumulate ? 1f : 0f, c, n);

    [LibraryImport(Library, EntryPoint = "openblas_get_corename")]
    private static partial nint CoreNamePointer();

    [LibraryImport(Library, EntryPoint = "cblas_sgemm")]
    private static partial void Sgemm(
        int order, int transposeA, int transposeB, int m, int n, int k,
        float alpha, float* a, int lda, float* b, int ldb, float beta, float* c, int ldc);
}
