using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.Arm;
using System.Runtime.Intrinsics.X86;

namespace Baka.Cpu.Gemm;

/// <summary>
/// The vector operations the product kernels need, so that one kernel text serves every width:
/// the JIT specializes it for each <typeparamref name="TVector"/>.
/// </summary>
internal unsafe interface ISimd<TVector>
    where TVector : struct
{
    /// <summary>Floats in a vector.</summary>
    static abstract int Width { get; }

    /// <summary>Rows of the largest register tile: rows × 2 accumulators, two vectors of B and one of A must fit the register file.</summary>
    static abstract int TileRows { get; }

    /// <summary>Depth of a packed block: a panel of B (depth × 2 vectors) has to stay in the L1 cache.</summary>
    static abstract int BlockDepth { get; }

    static abstract TVector Zero { get; }

    static abstract TVector Load(float* from);

    static abstract TVector Broadcast(float value);

    static abstract void Store(TVector value, float* to);

    static abstract TVector Add(TVector x, TVector y);

    /// <summary>x · y + z.</summary>
    static abstract TVector MultiplyAdd(TVector x, TVector y, TVector z);

    /// <summary>The sum of all elements.</summary>
    static abstract float Sum(TVector x);

    /// <summary>Whether the machine interleaves vectors of this width in one instruction.</summary>
    static abstract bool CanInterleave { get; }

    /// <summary>Fills the q-th 128-bit lane from <paramref name="from"/> + q · <paramref name="laneStride"/>.</summary>
    static abstract TVector LoadLanes(float* from, nint laneStride);

    /// <summary>x0 y0 x1 y1 in every 128-bit lane.</summary>
    static abstract TVector InterleaveLow(TVector x, TVector y);

    /// <summary>x2 y2 x3 y3 in every 128-bit lane.</summary>
    static abstract TVector InterleaveHigh(TVector x, TVector y);
}

/// <summary>32 registers of 16 floats (AVX-512): a tile of 12 × 32.</summary>
internal readonly unsafe struct Simd512 : ISimd<Vector512<float>>
{
    public static int Width => 16;
    public static int TileRows => 12;
    public static int BlockDepth => 256;
    public static Vector512<float> Zero => Vector512<float>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Load(float* from) => Vector512.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Broadcast(float value) => Vector512.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector512<float> value, float* to) => value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> Add(Vector512<float> x, Vector512<float> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> MultiplyAdd(Vector512<float> x, Vector512<float> y, Vector512<float> z) =>
        Vector512.FusedMultiplyAdd(x, y, z);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector512<float> x) => Vector512.Sum(x);

    public static bool CanInterleave => Avx512F.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> LoadLanes(float* from, nint laneStride) => Vector512.Create(
        Vector256.Create(Vector128.Load(from), Vector128.Load(from + laneStride)),
        Vector256.Create(Vector128.Load(from + 2 * laneStride), Vector128.Load(from + 3 * laneStride)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> InterleaveLow(Vector512<float> x, Vector512<float> y) => Avx512F.UnpackLow(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector512<float> InterleaveHigh(Vector512<float> x, Vector512<float> y) => Avx512F.UnpackHigh(x, y);
}

/// <summary>16 registers of 8 floats (AVX2): a tile of 6 × 16.</summary>
internal readonly unsafe struct Simd256 : ISimd<Vector256<float>>
{
    public static int Width => 8;
    public static int TileRows => 6;
    public static int BlockDepth => 384;
    public static Vector256<float> Zero => Vector256<float>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Load(float* from) => Vector256.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Broadcast(float value) => Vector256.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector256<float> value, float* to) => value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> Add(Vector256<float> x, Vector256<float> y) => x + y;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> MultiplyAdd(Vector256<float> x, Vector256<float> y, Vector256<float> z) =>
        Vector256.FusedMultiplyAdd(x, y, z);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector256<float> x) => Vector256.Sum(x);

    public static bool CanInterleave => Avx.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> LoadLanes(float* from, nint laneStride) =>
        Vector256.Create(Vector128.Load(from), Vector128.Load(from + laneStride));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> InterleaveLow(Vector256<float> x, Vector256<float> y) => Avx.UnpackLow(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector256<float> InterleaveHigh(Vector256<float> x, Vector256<float> y) => Avx.UnpackHigh(x, y);
}

/// <summary>Registers of 4 floats: a tile of 6 × 8 with SSE's 16 registers, 12 × 8 with the 32 of 64-bit Arm.</summary>
internal readonly unsafe struct Simd128 : ISimd<Vector128<float>>
{
    public static int Width => 4;
    public static int TileRows => AdvSimd.Arm64.IsSupported ? 12 : 6;
    public static int BlockDepth => 512;
    public static Vector128<float> Zero => Vector128<float>.Zero;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Load(float* from) => Vector128.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Broadcast(float value) => Vector128.Create(value);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Store(Vector128<float> value, float* to) => value.Store(to);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> Add(Vector128<float> x, Vector128<float> y) => x + y;

    // The "estimate" is fused where the machine can and two instructions where it cannot: a true fused
    // operation would be emulated in software on machines that have SSE alone.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> MultiplyAdd(Vector128<float> x, Vector128<float> y, Vector128<float> z) =>
        Vector128.MultiplyAddEstimate(x, y, z);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector128<float> x) => Vector128.Sum(x);

    public static bool CanInterleave => Sse.IsSupported || AdvSimd.Arm64.IsSupported;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> LoadLanes(float* from, nint laneStride) => Vector128.Load(from);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> InterleaveLow(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.UnpackLow(x, y) : AdvSimd.Arm64.ZipLow(x, y);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector128<float> InterleaveHigh(Vector128<float> x, Vector128<float> y) =>
        Sse.IsSupported ? Sse.UnpackHigh(x, y) : AdvSimd.Arm64.ZipHigh(x, y);
}
