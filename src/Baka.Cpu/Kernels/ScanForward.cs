using Baka.Cpu.Elementwise;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>The recurrence itself: rows and channels are independent, and shared among the workers.</summary>
public sealed unsafe class ScanForward : ScanKernel
{
    private readonly float* _scratch;
    private readonly long _scratchOfWorker;

    /// <param name="workers">The largest team that will run it.</param>
    public ScanForward(ScanShape shape, int workers)
        : base(shape)
    {
        _scratchOfWorker = TileSize(3 * ScanShape.ChunkLength + 3 * shape.States + 2);
        _scratch = Allocate(workers * _scratchOfWorker);
    }

    /// <summary>y: [B, T, c].</summary>
    public float* Output { get; set; }

    /// <summary>[B, n, c]: after the last slot.</summary>
    public float* Final { get; set; }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        var groups = (Shape.Channels + Grain - 1) / Grain;
        var (start, end) = ThreadTeam.Share(Shape.Rows * groups, worker, workers);
        for (var item = start; item < end; item++)
        {
            var (row, group) = Math.DivRem(item, groups);
            for (var channel = group * Grain; channel < Math.Min(Shape.Channels, (group + 1) * Grain); channel += S.Count)
            {
                Scan<S, V>(row, channel, _scratch + worker * _scratchOfWorker);
            }
        }
    }

    /// <summary>All slots of one vector of channels.</summary>
    private void Scan<S, V>(int row, int channel, float* scratch)
        where S : struct, ISimd<V>
        where V : struct
    {
        var (slots, channels, states) = (Shape.Slots, Shape.Channels, Shape.States);
        var width = Math.Min(S.Count, channels - channel);
        var u = scratch;
        var step = u + TileSize(ScanShape.ChunkLength);
        var y = step + TileSize(ScanShape.ChunkLength);
        var h = y + TileSize(ScanShape.ChunkLength);
        var decay = h + TileSize(states);
        var readout = decay + TileSize(states);
        var bias = readout + TileSize(states);
        var skip = bias + TileSize(1);
        Pack<S, V>(State + (nint)row * states * channels + channel, channels, states, width, h);
        Pack<S, V>(Decay + channel, channels, states, width, decay);
        if (Shape.Selective)
        {
            Pack<S, V>(Bias + channel, channels, 1, width, bias);
            Pack<S, V>(Skip + channel, channels, 1, width, skip);
        }
        else
        {
            Pack<S, V>(Readout + channel, channels, states, width, readout);
        }

        for (var chunk = 0; chunk < Shape.Chunks; chunk++)
        {
            Unpack<S, V>(h, Kept + ((nint)row * Shape.Chunks + chunk) * states * channels + channel, channels, states, width);
            var first = (nint)row * slots + chunk * ScanShape.ChunkLength;
            var count = Math.Min(ScanShape.ChunkLength, slots - chunk * ScanShape.ChunkLength);
            Pack<S, V>(Added + first * channels + channel, channels, count, width, u);
            if (Shape.Selective)
            {
                Pack<S, V>(Step + first * channels + channel, channels, count, width, step);
                Selective<S, V>(row, chunk * ScanShape.ChunkLength, count, u, step, decay, S.Load(bias), S.Load(skip), h, y);
            }
            else
            {
                Constant<S, V>(first, count, u, decay, readout, h, y);
            }

            Unpack<S, V>(y, Output + first * channels + channel, channels, count, width);
        }

        Unpack<S, V>(h, Final + (nint)row * states * channels + channel, channels, states, width);
    }

    private void Selective<S, V>(int row, int slot, int count, float* u, float* step, float* rate, V bias, V skip, float* h, float* y)
        where S : struct, ISimd<V>
        where V : struct
    {
        var states = Shape.States;
        var first = (nint)row * Shape.Slots + slot;
        for (var t = 0; t < count; t++, u += S.Count, step += S.Count, y += S.Count)
        {
            ForgetAtBeginning<S>(first + t, h);
            var gain = Gains.At(row, slot + t);
            var readout = Readouts.At(row, slot + t);
            var delta = VectorFunctions<S, V>.Softplus(S.Add(S.Load(step), bias));
            var added = S.Multiply(S.Load(u), delta);
            var sum = S.Multiply(skip, S.Load(u));
            for (var n = 0; n < states; n++)
            {
                var decay = Simd<S, V>.Exp(S.Multiply(delta, S.Load(rate + n * S.Count)));
                var next = S.MultiplyAdd(decay, S.Load(h + n * S.Count), S.Multiply(added, S.Create(gain[n])));
                S.Store(next, h + n * S.Count);
                sum = S.MultiplyAdd(next, S.Create(readout[n]), sum);
            }

            S.Store(sum, y);
        }
    }

    private void Constant<S, V>(nint first, int count, float* u, float* decay, float* readout, float* h, float* y)
        where S : struct, ISimd<V>
        where V : struct
    {
        for (var t = 0; t < count; t++, u += S.Count, y += S.Count)
        {
            ForgetAtBeginning<S>(first + t, h);
            var (added, sum) = (S.Load(u), S.Create(0));
            for (var n = 0; n < Shape.States; n++)
            {
                var next = S.MultiplyAdd(S.Load(decay + n * S.Count), S.Load(h + n * S.Count), added);
                S.Store(next, h + n * S.Count);
                sum = S.MultiplyAdd(next, S.Load(readout + n * S.Count), sum);
            }

            S.Store(sum, y);
        }
    }

    private void ForgetAtBeginning<S>(nint slot, float* h)
        where S : struct
    {
        if (Begins[slot] != 0)
        {
            new Span<float>(h, (int)TileSize(Shape.States)).Clear();
        }
    }
}
