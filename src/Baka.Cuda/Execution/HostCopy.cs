using System.Collections.Concurrent;
using System.Runtime.InteropServices;
using Baka.Compiler.Plans;
using Baka.Cuda.Interop;
using Baka.Graph.Execution;

namespace Baka.Cuda.Execution;

/// <summary>
/// Copies of f32 values between the host and a GPU's memory of any element. What is read is waited for; what is written
/// goes through pinned memory in parts that many threads make, while earlier ones are still on their way.
/// </summary>
internal sealed unsafe class HostCopy : IDisposable
{
    private const int BufferBytes = 16 << 20;

    // Values that a thread makes at a time: they stay in its cache, and middling parameters keep all cores at work.
    private const int PartLength = 1 << 16;
    private const int PartBytes = PartLength * sizeof(float);

    private readonly CudaContext _context;
    private readonly CudaStream _stream;
    private readonly PinnedMemory _buffer;
    private readonly ConcurrentQueue<Slot> _slots;

    public HostCopy(CudaContext context, CudaStream stream)
    {
        (_context, _stream) = (context, stream);
        _buffer = new PinnedMemory(context, BufferBytes);
        _slots = new(Enumerable.Range(0, BufferBytes / PartBytes).Select(i => new Slot(_buffer.Address + i * PartBytes, new CudaEvent(context))));
    }

    public void Read(ulong from, Element element, Span<float> to)
    {
        var chunk = (int)(BufferBytes / element.Bytes);
        for (var start = 0; start < to.Length; start += chunk)
        {
            var part = to[start..Math.Min(to.Length, start + chunk)];
            _stream.CopyToHost(_buffer.Address, from + (ulong)((long)start * element.Bytes), (long)part.Length * element.Bytes);
            _stream.Synchronize();
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
        fixed (float* first = from)
        {
            var source = first;
            Write(to, element, from.Length, (start, values) => new Span<float>(source + start, values.Length).CopyTo(values));
        }
    }

    public void Write(ulong to, Element element, long count, PartMaker make)
    {
        var options = new ParallelOptions { MaxDegreeOfParallelism = Math.Min(Environment.ProcessorCount, _slots.Count) };
        ManyThreads.Run(() => Parallel.For(0, (count + PartLength - 1) / PartLength, options, part =>
        {
            var start = part * PartLength;
            Write(to + (ulong)(start * element.Bytes), element, start, (int)Math.Min(PartLength, count - start), make);
        }));
    }

    public void Dispose()
    {
        foreach (var slot in _slots)
        {
            slot.Copied.Dispose();
        }

        _buffer.Dispose();
    }

    private void Write(ulong to, Element element, long start, int count, PartMaker make)
    {
        // Every thread holds one slot at most, the one that has rested longest.
        _context.MakeCurrent();
        _ = _slots.TryDequeue(out var slot);
        slot!.Copied.Synchronize();
        var values = new Span<float>((void*)slot.Address, count);
        make(start, values);
        if (element == Element.BFloat16)
        {
            Narrow(values);
        }

        _stream.CopyToDevice(to, slot.Address, (long)count * element.Bytes);
        slot.Copied.Record(_stream);
        _slots.Enqueue(slot);
    }

    private static void Widen(ReadOnlySpan<ushort> from, Span<float> to)
    {
        for (var i = 0; i < to.Length; i++)
        {
            to[i] = BitConverter.Int32BitsToSingle(from[i] << 16);
        }
    }

    /// <summary>Puts bf16 in the first half of the values' place: rounded to nearest, ties to even; NaN stays NaN.</summary>
    private static void Narrow(Span<float> values)
    {
        var narrow = MemoryMarshal.Cast<float, ushort>(values);
        for (var i = 0; i < values.Length; i++)
        {
            var value = values[i];
            var bits = BitConverter.SingleToUInt32Bits(value);
            narrow[i] = float.IsNaN(value) ? (ushort)0x7fff : (ushort)((bits + 0x7fff + ((bits >> 16) & 1)) >> 16);
        }
    }

    /// <summary>Pinned memory for one part.</summary>
    /// <param name="Copied">When its last part has arrived.</param>
    private sealed record Slot(nint Address, CudaEvent Copied);
}
