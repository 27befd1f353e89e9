using System.Runtime.InteropServices;

namespace Baka.Cpu.Gemm;

/// <summary>
/// The packing buffers of one thread, kept for its lifetime: after the first product of its largest size a thread
/// allocates nothing more. A buffer never exceeds what one cache block needs.
/// </summary>
internal sealed unsafe class GemmScratch
{
    private const nuint Alignment = 64;

    [ThreadStatic]
    private static GemmScratch? _ofThisThread;

    private float* _a;
    private float* _b;
    private nint _lengthA;
    private nint _lengthB;

    private GemmScratch()
    {
    }

    ~GemmScratch()
    {
        NativeMemory.AlignedFree(_a);
        NativeMemory.AlignedFree(_b);
    }

    public static GemmScratch OfThisThread => _ofThisThread ??= new GemmScratch();

    /// <summary>Room for a packed block of A.</summary>
    public float* A(nint length) => Grow(ref _a, ref _lengthA, length);

    /// <summary>Room for a packed block of B.</summary>
    public float* B(nint length) => Grow(ref _b, ref _lengthB, length);

    private static float* Grow(ref float* buffer, ref nint held, nint needed)
    {
        if (needed > held)
        {
            NativeMemory.AlignedFree(buffer);
            buffer = null;
            held = 0;
            buffer = (float*)NativeMemory.AlignedAlloc((nuint)needed * sizeof(float), Alignment);
            held = needed;
        }

        return buffer;
    }
}
