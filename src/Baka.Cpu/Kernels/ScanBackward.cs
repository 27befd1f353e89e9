using Baka.Cpu.Elementwise;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>
/// The gradient of <see cref="ScanForward"/>. Chunks go from the last to the first: the states of a chunk are computed
/// anew from the one that was kept, then the adjoint g_t = dy_t c_t + a_{t+1} ⊙ g_{t+1} runs back through them.
/// </summary>
/// <remarks>
/// A worker takes a row, or a part of a row's channels where rows are few. What all channels of a slot share (the
/// gradients of gain and readout) is summed over a part's vectors lane by lane, then over lanes, then over parts; what
/// all rows share, over the rows: always in the same order.
/// </remarks>
public sealed unsafe class ScanBackward : ScanKernel
{
    private const int RowsPerWorker = 4;

    private readonly int _workers;
    private readonly int _parts;
    private readonly ScanScratch _scratch;
    private readonly float* _memory;
    private readonly float* _decayOfRows;
    private readonly float* _readoutOfRows;
    private readonly float* _readoutOfParts;
    private readonly float* _gainOfParts;
    private readonly float* _biasOfRows;
    private readonly float* _skipOfRows;
    private ThreadTeam? _team;

    /// <param name="workers">The largest team that will run it.</param>
    public ScanBackward(ScanShape shape, int workers)
        : base(shape)
    {
        _workers = workers;
        var groups = (shape.Channels + Grain - 1) / Grain;
        _parts = shape.Rows % workers == 0 || shape.Rows >= RowsPerWorker * workers ? 1 : Math.Min(workers, groups);
        _scratch = new ScanScratch(shape.States, (groups + _parts - 1) / _parts);
        _memory = Allocate(workers * _scratch.Size);
        var perRow = (long)shape.Rows * shape.States * shape.Channels;
        _decayOfRows = Allocate(perRow);
        if (!shape.Selective)
        {
            _readoutOfRows = Allocate(perRow);
            return;
        }

        _biasOfRows = Allocate((long)shape.Rows * shape.Channels);
        _skipOfRows = Allocate((long)shape.Rows * shape.Channels);
        if (_parts > 1)
        {
            _readoutOfParts = Allocate((long)_parts * shape.Rows * shape.Slots * shape.States);
            _gainOfParts = Allocate((long)_parts * shape.Rows * shape.Slots * shape.States);
        }
    }

    /// <summary>dy: [B, T, c].</summary>
    public float* OutputGradient { get; set; }

    /// <summary>[B, n, c]: of the state after the last slot; null = none.</summary>
    public float* FinalGradient { get; set; }

    /// <summary>du: [B, T, c].</summary>
    public float* AddedGradient { get; set; }

    /// <summary>[B, n, c].</summary>
    public float* StateGradient { get; set; }

    /// <summary>[n, c].</summary>
    public float* DecayGradient { get; set; }

    /// <summary>[n, c]; constant alone.</summary>
    public float* ReadoutGradient { get; set; }

    /// <summary>[B, T, n]; selective alone.</summary>
    public Rows ReadoutGradients { get; set; }

    /// <summary>ds: [B, T, c]; selective alone.</summary>
    public float* StepGradient { get; set; }

    /// <summary>db: [B, T, n]; selective alone.</summary>
    public Rows GainGradients { get; set; }

    /// <summary>[c]; selective alone.</summary>
    public float* BiasGradient { get; set; }

    /// <summary>dD: [c]; selective alone.</summary>
    public float* SkipGradient { get; set; }

    private nint StatesOfRow => (nint)Shape.States * Shape.Channels;

    public override void Run(ThreadTeam team)
    {
        team.RequireAtMost(_workers);
        _team = team;
        team.Run(this);
    }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(Shape.Rows * _parts, worker, workers);
        for (var item = start; item < end; item++)
        {
            var (row, part) = Math.DivRem(item, _parts);
            Differentiate<S, V>(row, part, _memory + worker * _scratch.Size);
        }

        _team!.Barrier();
        AddUp<S, V>(_decayOfRows, Shape.Rows, StatesOfRow, DecayGradient, worker, workers);
        if (!Shape.Selective)
        {
            AddUp<S, V>(_readoutOfRows, Shape.Rows, StatesOfRow, ReadoutGradient, worker, workers);
            return;
        }

        AddUp<S, V>(_biasOfRows, Shape.Rows, Shape.Channels, BiasGradient, worker, workers);
        AddUp<S, V>(_skipOfRows, Shape.Rows, Shape.Channels, SkipGradient, worker, workers);
        if (_parts > 1)
        {
            AddUpSlots(_readoutOfParts, ReadoutGradients, worker, workers);
            AddUpSlots(_gainOfParts, GainGradients, worker, workers);
        }
    }

    /// <summary>All slots of a part of a row's channels.</summary>
    private void Differentiate<S, V>(int row, int part, float* memory)
        where S : struct, ISimd<V>
        where V : struct
    {
        var (states, channels) = (Shape.States, Shape.Channels);
        var (start, end) = ThreadTeam.Share(channels, part, _parts, Grain);
        for (var channel = start; channel < end; channel += S.Count)
        {
            Begin<S, V>(row, channel, _scratch.Of(memory, (channel - start) / S.Count, S.Count));
        }

        for (var chunk = Shape.Chunks - 1; chunk >= 0; chunk--)
        {
            var first = (nint)row * Shape.Slots + chunk * ScanShape.ChunkLength;
            var count = Math.Min(ScanShape.ChunkLength, Shape.Slots - chunk * ScanShape.ChunkLength);
            var shared = _scratch.Of(memory, 0, S.Count);
            if (Shape.Selective)
            {
                new Span<float>(shared.Readouts, count * states * S.Count).Clear();
                new Span<float>(shared.Gains, count * states * S.Count).Clear();
            }

            for (var channel = start; channel < end; channel += S.Count)
            {
                var width = Math.Min(S.Count, channels - channel);
                var tiles = _scratch.Of(memory, (channel - start) / S.Count, S.Count);
                Pack<S, V>(Added + first * channels + channel, channels, count, width, tiles.Added);
                Pack<S, V>(OutputGradient + first * channels + channel, channels, count, width, tiles.Upstream);
                Pack<S, V>(Kept + ((nint)row * Shape.Chunks + chunk) * StatesOfRow + channel, channels, states, width, tiles.State);
                if (Shape.Selective)
                {
                    Pack<S, V>(Step + first * channels + channel, channels, count, width, tiles.Step);
                    Selective<S, V>(row, chunk * ScanShape.ChunkLength, count, tiles);
                    Unpack<S, V>(tiles.Step, StepGradient + first * channels + channel, channels, count, width);
                }
                else
                {
                    Constant<S, V>(first, count, tiles);
                }

                Unpack<S, V>(tiles.Added, AddedGradient + first * channels + channel, channels, count, width);
            }

            if (Shape.Selective && end > start)
            {
                for (var t = 0; t < count; t++)
                {
                    var slot = chunk * ScanShape.ChunkLength + t;
                    SumLanes<S, V>(shared.Readouts + t * states * S.Count, SharedOf(_readoutOfParts, ReadoutGradients, part, row, slot));
                    SumLanes<S, V>(shared.Gains + t * states * S.Count, SharedOf(_gainOfParts, GainGradients, part, row, slot));
                }
            }
        }

        for (var channel = start; channel < end; channel += S.Count)
        {
            End<S, V>(row, channel, _scratch.Of(memory, (channel - start) / S.Count, S.Count));
        }
    }

    private void Begin<S, V>(int row, int channel, ScanTiles tiles)
        where S : struct, ISimd<V>
        where V : struct
    {
        var (states, channels) = (Shape.States, Shape.Channels);
        var width = Math.Min(S.Count, channels - channel);
        Pack<S, V>(Decay + channel, channels, states, width, tiles.Decay);
        new Span<float>(tiles.Decays, states * S.Count).Clear();
        if (Shape.Selective)
        {
            Pack<S, V>(Bias + channel, channels, 1, width, tiles.Bias);
            Pack<S, V>(Skip + channel, channels, 1, width, tiles.Skip);
            S.Store(S.Create(0), tiles.BiasSum);
            S.Store(S.Create(0), tiles.SkipSum);
        }
        else
        {
            Pack<S, V>(Readout + channel, channels, states, width, tiles.Readout);
            new Span<float>(tiles.ReadoutSums, states * S.Count).Clear();
        }

        if (FinalGradient == null)
        {
            new Span<float>(tiles.Adjoint, states * S.Count).Clear();
        }
        else
        {
            Pack<S, V>(FinalGradient + row * StatesOfRow + channel, channels, states, width, tiles.Adjoint);
        }
    }

    private void End<S, V>(int row, int channel, ScanTiles tiles)
        where S : struct, ISimd<V>
        where V : struct
    {
        var (states, channels) = (Shape.States, Shape.Channels);
        var width = Math.Min(S.Count, channels - channel);
        var to = row * StatesOfRow + channel;
        Unpack<S, V>(tiles.Adjoint, StateGradient + to, channels, states, width);
        Unpack<S, V>(tiles.Decays, _decayOfRows + to, channels, states, width);
        if (Shape.Selective)
        {
            var ofRow = (nint)row * channels + channel;
            Unpack<S, V>(tiles.BiasSum, _biasOfRows + ofRow, channels, 1, width);
            Unpack<S, V>(tiles.SkipSum, _skipOfRows + ofRow, channels, 1, width);
        }
        else
        {
            Unpack<S, V>(tiles.ReadoutSums, _readoutOfRows + to, channels, states, width);
        }
    }

    private void Selective<S, V>(int row, int slot, int count, ScanTiles tiles)
        where S : struct, ISimd<V>
        where V : struct
    {
        var first = (nint)row * Shape.Slots + slot;
        var length = Shape.States * S.Count;
        var h = tiles.Before;
        var a = tiles.Factors;
        var bias = S.Load(tiles.Bias);
        for (var t = 0; t < count; t++, h += length, a += length)
        {
            var gain = Gains.At(row, slot + t);
            var given = S.Add(S.Load(tiles.Step + t * S.Count), bias);
            var step = VectorFunctions<S, V>.Softplus(given);
            S.Store(step, tiles.Step + t * S.Count);
            S.Store(VectorFunctions<S, V>.Sigmoid(given), tiles.Slopes + t * S.Count);
            var added = S.Multiply(S.Load(tiles.Added + t * S.Count), step);
            var begins = Begins[first + t] != 0;
            for (var n = 0; n < length; n += S.Count)
            {
                var before = begins ? S.Create(0) : S.Load(tiles.State + n);
                var factor = Simd<S, V>.Exp(S.Multiply(step, S.Load(tiles.Decay + n)));
                S.Store(before, h + n);
                S.Store(factor, a + n);
                S.Store(S.MultiplyAdd(factor, before, S.Multiply(added, S.Create(gain[n / S.Count]))), tiles.State + n);
            }
        }

        var (skip, biasSum, skipSum) = (S.Load(tiles.Skip), S.Load(tiles.BiasSum), S.Load(tiles.SkipSum));
        for (var t = count - 1; t >= 0; t--)
        {
            h -= length;
            a -= length;
            var gain = Gains.At(row, slot + t);
            var readout = Readouts.At(row, slot + t);
            var gains = tiles.Gains + t * length;
            var readouts = tiles.Readouts + t * length;
            var (u, step, upstream) = (S.Load(tiles.Added + t * S.Count), S.Load(tiles.Step + t * S.Count), S.Load(tiles.Upstream + t * S.Count));
            var added = S.Multiply(u, step);
            var (addedSum, stepSum) = (S.Create(0), S.Create(0));
            for (var n = 0; n < length; n += S.Count)
            {
                var b = S.Create(gain[n / S.Count]);
                var g = S.MultiplyAdd(upstream, S.Create(readout[n / S.Count]), S.Load(tiles.Adjoint + n));
                var decayed = S.Multiply(S.Load(a + n), S.Load(h + n));
                S.Store(S.MultiplyAdd(upstream, S.MultiplyAdd(added, b, decayed), S.Load(readouts + n)), readouts + n);
                S.Store(S.MultiplyAdd(g, added, S.Load(gains + n)), gains + n);
                var exponent = S.Multiply(g, decayed);
                S.Store(S.MultiplyAdd(exponent, step, S.Load(tiles.Decays + n)), tiles.Decays + n);
                stepSum = S.MultiplyAdd(exponent, S.Load(tiles.Decay + n), stepSum);
                addedSum = S.MultiplyAdd(g, b, addedSum);
                S.Store(S.Multiply(S.Load(a + n), g), tiles.Adjoint + n);
            }

            var given = S.Multiply(S.MultiplyAdd(u, addedSum, stepSum), S.Load(tiles.Slopes + t * S.Count));
            S.Store(S.MultiplyAdd(step, addedSum, S.Multiply(skip, upstream)), tiles.Added + t * S.Count);
            S.Store(given, tiles.Step + t * S.Count);
            biasSum = S.Add(biasSum, given);
            skipSum = S.MultiplyAdd(upstream, u, skipSum);
            ForgetAtBeginning(first + t, tiles.Adjoint, length);
        }

        S.Store(biasSum, tiles.BiasSum);
        S.Store(skipSum, tiles.SkipSum);
    }

    private void Constant<S, V>(nint first, int count, ScanTiles tiles)
        where S : struct, ISimd<V>
        where V : struct
    {
        var length = Shape.States * S.Count;
        var h = tiles.Before;
        for (var t = 0; t < count; t++, h += length)
        {
            var added = S.Load(tiles.Added + t * S.Count);
            var begins = Begins[first + t] != 0;
            for (var n = 0; n < length; n += S.Count)
            {
                var before = begins ? S.Create(0) : S.Load(tiles.State + n);
                S.Store(before, h + n);
                S.Store(S.MultiplyAdd(S.Load(tiles.Decay + n), before, added), tiles.State + n);
            }
        }

        for (var t = count - 1; t >= 0; t--)
        {
            h -= length;
            var (added, upstream, sum) = (S.Load(tiles.Added + t * S.Count), S.Load(tiles.Upstream + t * S.Count), S.Create(0));
            for (var n = 0; n < length; n += S.Count)
            {
                var (decay, before) = (S.Load(tiles.Decay + n), S.Load(h + n));
                var g = S.MultiplyAdd(upstream, S.Load(tiles.Readout + n), S.Load(tiles.Adjoint + n));
                S.Store(S.MultiplyAdd(upstream, S.MultiplyAdd(decay, before, added), S.Load(tiles.ReadoutSums + n)), tiles.ReadoutSums + n);
                S.Store(S.MultiplyAdd(g, before, S.Load(tiles.Decays + n)), tiles.Decays + n);
                sum = S.Add(sum, g);
                S.Store(S.Multiply(decay, g), tiles.Adjoint + n);
            }

            S.Store(sum, tiles.Added + t * S.Count);
            ForgetAtBeginning(first + t, tiles.Adjoint, length);
        }
    }

    private void ForgetAtBeginning(nint slot, float* adjoint, int length)
    {
        if (Begins[slot] != 0)
        {
            new Span<float>(adjoint, length).Clear();
        }
    }

    /// <summary>Where a part's share of a slot's n sums goes: to its own memory, or into the result where it is the only one.</summary>
    private float* SharedOf(float* parts, Rows result, int part, int row, int slot) =>
        _parts == 1 ? result.At(row, slot) : parts + (((nint)part * Shape.Rows + row) * Shape.Slots + slot) * Shape.States;

    private void SumLanes<S, V>(float* tile, float* to)
        where S : struct, ISimd<V>
        where V : struct
    {
        for (var n = 0; n < Shape.States; n++)
        {
            to[n] = S.Sum(S.Load(tile + n * S.Count));
        }
    }

    /// <summary>The sum of the parts' shares, slot by slot.</summary>
    private void AddUpSlots(float* parts, Rows to, int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(Shape.Rows * Shape.Slots, worker, workers);
        for (var i = start; i < end; i++)
        {
            var (row, slot) = Math.DivRem(i, Shape.Slots);
            var sums = to.At(row, slot);
            for (var n = 0; n < Shape.States; n++)
            {
                var sum = 0f;
                for (var part = 0; part < _parts; part++)
                {
                    sum += SharedOf(parts, to, part, row, slot)[n];
                }

                sums[n] = sum;
            }
        }
    }

    /// <summary>The sum of so many stretches, one after the other.</summary>
    private static void AddUp<S, V>(float* parts, int count, nint length, float* to, int worker, int workers)
        where S : struct, ISimd<V>
        where V : struct
    {
        var (start, end) = ThreadTeam.Share(checked((int)length), worker, workers, Grain);
        new Span<float>(parts + start, end - start).CopyTo(new Span<float>(to + start, end - start));
        for (var part = 1; part < count; part++)
        {
            Simd<S, V>.AddScaled(1f, parts + part * length + start, to + start, end - start);
        }
    }
}
