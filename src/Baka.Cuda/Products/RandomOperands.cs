using System.Buffers.Binary;
using Baka.Compiler.Plans;
using Baka.Cuda.Interop;

namespace Baka.Cuda.Products;

/// <summary>
/// Fills a GPU's memory with random numbers in [-1, 1) to measure on: with zeros it draws less power, and clock and
/// ranking would be others.
/// </summary>
internal sealed unsafe class RandomOperands(CudaStream stream)
{
    // The host makes some numbers, which are repeated at a distance that no matrix has its rows at.
    private const int PatternLength = 262139;

    private readonly byte[] _floats = Pattern(Element.Float32);
    private readonly byte[] _halves = Pattern(Element.BFloat16);

    public void Fill(Element type, ulong address, long bytes)
    {
        var pattern = type == Element.BFloat16 ? _halves : _floats;
        var done = Math.Min(pattern.Length, bytes);
        fixed (byte* source = pattern)
        {
            stream.CopyToDevice(address, (nint)source, done);
            stream.Synchronize();
        }

        while (done < bytes)
        {
            var next = Math.Min(done, bytes - done);
            stream.Copy(address + (ulong)done, address, next);
            done += next;
        }
    }

    private static byte[] Pattern(Element type)
    {
        var pattern = new byte[PatternLength * type.Bytes];
        // A linear congruential generator (Numerical Recipes) whose upper bits are good enough here.
        var state = 1u;
        for (var at = 0; at < pattern.Length; at += type.Bytes)
        {
            state = state * 1664525 + 1013904223;
            var number = (int)state * (1f / 2147483648f);
            if (type == Element.BFloat16)
            {
                BinaryPrimitives.WriteUInt16LittleEndian(pattern.AsSpan(at), (ushort)(BitConverter.SingleToUInt32Bits(number) >> 16));
            }
            else
            {
                BinaryPrimitives.WriteSingleLittleEndian(pattern.AsSpan(at), number);
            }
        }

        return pattern;
    }
}
