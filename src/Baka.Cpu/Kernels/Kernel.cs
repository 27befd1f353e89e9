using System.Runtime.InteropServices;
using System.Runtime.Intrinsics;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>
/// A fused operation on f32 memory: created once with its sizes, bound to pointers, then run many times. A run
/// allocates nothing, and gives the same bits for the same input and team size.
/// </summary>
public abstract unsafe class Kernel : IParallelWork, IDisposable
{
    private readonly List<nint> _allocations = [];

    /// <summary>Bytes of native memory the kernel keeps for itself from construction to disposal.</summary>
    public long ScratchBytes { get; private set; }

    /// <summary>Width of the vectors used; tests lower it to run the code of other machines.</summary>
    internal int VectorBits { get; set; } =
        Vector512.IsHardwareAccelerated ? 512 : Vector256.IsHardwareAccelerated ? 256 : 128;

    /// <summary>Does the whole work on the team.</summary>
    public virtual void Run(ThreadTeam team) => team.Run(this);

    public void Execute(int worker, int workers)
    {
        switch (VectorBits)
        {
            case 512:
                Execute<Simd512, Vector512<float>>(worker, workers);
                break;
            case 256:
                Execute<Simd256, Vector256<float>>(worker, workers);
                break;
            default:
                Execute<Simd128, Vector128<float>>(worker, workers);
                break;
        }
    }

    /// <summary>Frees the scratch; the kernel must not run afterwards.</summary>
    public void Dispose()
    {
        foreach (var allocation in _allocations)
        {
            NativeMemory.AlignedFree((void*)allocation);
        }

        _allocations.Clear();
        ScratchBytes = 0;
        GC.SuppressFinalize(this);
    }

    /// <summary>The share of one worker, at one vector width.</summary>
    private protected abstract void Execute<S, V>(int worker, int workers)
        where S : struct, ISimd<V>
        where V : struct;

    /// <summary>Scratch that lives as long as the kernel, aligned to 64 bytes. It starts as NaN, so that a read before the first write shows.</summary>
    private protected float* Allocate(long floats)
    {
        var bytes = (floats * sizeof(float) + 63) / 64 * 64;
        var memory = (float*)NativeMemory.AlignedAlloc((nuint)bytes, 64);
        for (long i = 0; i < bytes / sizeof(float); i++)
        {
            memory[i] = float.NaN;
        }

        _allocations.Add((nint)memory);
        ScratchBytes += bytes;
        return memory;
    }
}
