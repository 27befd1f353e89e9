using Baka.Compiler.Plans;
using Baka.Cuda.Interop;

namespace Baka.Cuda.Execution;

/// <summary>Copies of f32 values between the host and a GPU's memory of any element, waited for.</summary>
internal sealed class HostCopy(CudaContext context, CudaStream stream) : IDisposable
{
    private const long BufferBytes = 16 << 20;

    private readonly PinnedMemory _buffer = new(context, BufferBytes);

    public void Read(ulong from, Element element, Span<float> to)
    {
        var chunk = (int)(BufferBytes / element.Bytes);
        for (var start = 0; start < to.Length; start += chunk)
        {
            var part = to[start..Math.Min(to.Length, start + chunk)];
            stream.CopyToHost(_buffer.Address, from + (ulong)((long)start * element.Bytes), (long)part.Length * element.Bytes);
            stream.Synchronize();
            if (element == Element.BFloat16)
            {
                Widen(_buffer.AsSpan<ushort>(), part);
            }
            else
            {
                _buffer.AsSpan<float>()[..part.Length].CopyTo(part);
            }
        }
    }

    public void Write(ulong to, Element element, ReadOnlySpan<float> from)
    {
        var chunk = (int)(BufferBytes / element.Bytes);
        for (var start = 0; start < from.Length; start += chunk)
        {
            var part = from[start..Math.Min(from.Length, start + chunk)];
            if (element == Element.BFloat16)
            {
                Narrow(part, _buffer.AsSpan<ushort>());
            }
            else
            {
                part.CopyTo(_buffer.AsSpan<float>());
            }

            stream.CopyToDevice(to + (ulong)((long)start * element.Bytes), _buffer.Address, (long)part.Length * element.Bytes);
            stream.Synchronize();
        }
    }

    public void Dispose() => _buffer.Dispose();

    private static void Widen(ReadOnlySpan<ushort> from, Span<float> to)
    {
        for (var i = 0; i < to.Length; i++)
        {
            to[i] = BitConverter.Int32BitsToSingle(from[i] << 16);
        }
    }

    /// <summary>Rounds to nearest, ties to even; NaN stays NaN.</summary>
    private static void Narrow(ReadOnlySpan<float> from, Span<ushort> to)
    {
        for (var i = 0; i < from.Length; i++)
        {
            var bits = BitConverter.SingleToUInt32Bits(from[i]);
            to[i] = float.IsNaN(from[i]) ? (ushort)0x7fff : (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
        }
    }
}
