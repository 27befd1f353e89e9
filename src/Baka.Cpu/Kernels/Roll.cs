using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>Rolls features inside their cycles: of each cycle two runs change places. Rows, heads and slots are shared among the workers.</summary>
public sealed unsafe class Roll(int rows, int heads, int slots, int width, bool back) : Kernel
{
    /// <summary>x: [rows, heads, slots, width] with contiguous features.</summary>
    public float* Input { get; set; }

    /// <summary>Floats from row to row, head to head and slot to slot.</summary>
    public (nint Row, nint Head, nint Slot) Strides { get; set; }

    /// <summary>[slots].</summary>
    public int* Shift { get; set; }

    /// <summary>[heads · width]: of each feature's cycle.</summary>
    public int* Length { get; set; }

    /// <summary>y: dense.</summary>
    public float* Output { get; set; }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(rows * heads * slots, worker, workers);
        for (var i = start; i < end; i++)
        {
            var (line, slot) = Math.DivRem(i, slots);
            var (row, head) = Math.DivRem(line, heads);
            var x = new Span<float>(Input + row * Strides.Row + head * Strides.Head + slot * Strides.Slot, width);
            var y = new Span<float>(Output + (nint)i * width, width);
            var shift = back ? -Shift[slot] : Shift[slot];
            for (var first = 0; first < width;)
            {
                var length = Length[head * width + first];
                var moved = ((shift % length) + length) % length;
                x.Slice(first, length - moved).CopyTo(y[(first + moved)..]);
                x.Slice(first + length - moved, moved).CopyTo(y[first..]);
                first += length;
            }
        }
    }
}
