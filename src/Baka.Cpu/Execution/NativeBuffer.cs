using System.Runtime.InteropServices;

namespace Baka.Cpu.Execution;

/// <summary>Native memory of 4-byte elements, aligned to a page so that it can be given back.</summary>
internal sealed unsafe class NativeBuffer : IDisposable
{
    private const nuint Alignment = 4096;

    public NativeBuffer(long count)
    {
        Count = count;
        Address = (nint)NativeMemory.AlignedAlloc((nuint)Math.Max(count, 1) * 4, Alignment);
    }

    public nint Address { get; private set; }

    public long Count { get; }

    public Span<float> Floats => new((void*)Address, checked((int)Count));

    public Span<int> Ints => new((void*)Address, checked((int)Count));

    public void Fill(float value)
    {
        for (var at = 0L; at < Count; at += int.MaxValue)
        {
            new Span<float>((float*)Address + at, (int)Math.Min(int.MaxValue, Count - at)).Fill(value);
        }
    }

    public void Dispose()
    {
        NativeMemory.AlignedFree((void*)Address);
        Address = 0;
    }
}
