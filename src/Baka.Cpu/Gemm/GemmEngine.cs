using Baka.Cpu.Threading;

namespace Baka.Cpu.Gemm;

/// <summary>A matrix product for one vector width.</summary>
internal abstract unsafe class GemmEngine
{
    /// <summary>Floats of A that a worker keeps packed at a time: half of a common L2 cache.</summary>
    public const int BlockOfA = 64 * 1024;

    /// <summary>Floats of B that the team keeps packed at a time.</summary>
    public const int BlockOfB = 512 * 1024;

    public static readonly GemmEngine Bits128 = new GemmEngine<Simd128, System.Runtime.Intrinsics.Vector128<float>>();
    public static readonly GemmEngine Bits256 = new GemmEngine<Simd256, System.Runtime.Intrinsics.Vector256<float>>();
    public static readonly GemmEngine Bits512 = new GemmEngine<Simd512, System.Runtime.Intrinsics.Vector512<float>>();

    /// <summary>The widest one this machine runs at full speed.</summary>
    public static readonly GemmEngine Widest =
        System.Runtime.Intrinsics.Vector512.IsHardwareAccelerated ? Bits512
        : System.Runtime.Intrinsics.Vector256.IsHardwareAccelerated ? Bits256
        : Bits128;

    /// <summary>Bits in a vector.</summary>
    public abstract int VectorBits { get; }

    /// <summary>Floats of the buffer for packed B that all workers of the product share.</summary>
    public abstract nint SharedLength(in GemmProblem problem, int workers);

    /// <summary>Runs one worker's share.</summary>
    /// <param name="team">The team whose workers all run this; null when the caller works alone.</param>
    public abstract void Run(in GemmProblem problem, ThreadTeam? team, int worker, int workers, float* shared);
}
