using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Baka.Cpu.Gemm;

/// <summary>Hints to the memory system; they change no result.</summary>
internal static unsafe class Cache
{
    /// <summary>Asks for the cache line that holds the address; the address need not be valid.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static void Prefetch(float* address)
    {
        if (Sse.IsSupported) Sse.Prefetch0(address);
    }
}
