using System.Runtime.Intrinsics;

namespace Baka.Cpu.Gemm;

/// <summary>A matrix product for one vector width.</summary>
internal abstract class GemmEngine
{
    /// <summary>Floats of A that a worker keeps packed at a time: half of a common L2 cache.</summary>
    public const int BlockOfA = 64 * 1024;

    /// <summary>Floats of B that a worker keeps packed at a time.</summary>
    public const int BlockOfB = 512 * 1024;

    public static readonly GemmEngine Bits128 = new BlockedGemmEngine<Simd128, Vector128<float>>();
    public static readonly GemmEngine Bits256 = new BlockedGemmEngine<Simd256, Vector256<float>>();
    public static readonly GemmEngine Bits512 = new BlockedGemmEngine<Simd512, Vector512<float>>();

    /// <summary>The widest one this machine runs at full speed.</summary>
    public static readonly GemmEngine Widest =
        Vector512.IsHardwareAccelerated ? Bits512
        : Vector256.IsHardwareAccelerated ? Bits256
        : Bits128;

    /// <summary>Bits in a vector.</summary>
    public abstract int VectorBits { get; }

    /// <summary>The part of the product that one worker of a team computes. The parts cover it; some may be empty.</summary>
    public abstract GemmProblem Share(in GemmProblem problem, int worker, int workers);

    /// <summary>Computes the product on the calling thread.</summary>
    public abstract void Run(in GemmProblem problem);
}
