using Baka.Cpu.Kernels;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Tests.Kernels;

/// <summary>
/// Scans whose rows begin something at their first slot, behind a state of NaN, and at every seventh: there a row falls into
/// stretches in which a state is a sum over the slots so far, and so are the gradients.
/// </summary>
public sealed unsafe class ScanTests
{
    private const int Stretch = 7;

    [Theory]
    [InlineData(2, 70, 37, 3, true, 1, 512)]
    [InlineData(3, 33, 16, 16, true, 2, 512)]
    [InlineData(1, 64, 133, 2, true, 3, 512)] // one row for three workers: parts of its channels
    [InlineData(2, 40, 21, 4, true, 2, 256)]
    [InlineData(1, 40, 21, 4, true, 2, 128)]
    [InlineData(2, 70, 37, 3, false, 3, 512)]
    [InlineData(3, 33, 50, 16, false, 2, 256)]
    [InlineData(2, 5, 3, 1, false, 2, 128)]
    public void A_scan_equals_sums_over_the_slots_since_the_beginning(int rows, int slots, int channels, int states, bool selective, int threads, int bits)
    {
        var random = new Random(3);
        var shape = new ScanShape(rows, slots, channels, states, selective);
        var (perSlot, perRow, perState, shared) = (rows * slots * channels, rows * states * channels, states * channels, rows * slots * states);
        var (u, dy, begins, state) = (TestMemory.Random(random, perSlot), TestMemory.Random(random, perSlot), new TestMemory(rows * slots), new TestMemory(perRow));
        var (step, gain, readout) = (TestMemory.Random(random, perSlot), TestMemory.Random(random, shared), TestMemory.Random(random, selective ? shared : perState));
        var decay = TestMemory.Random(random, perState);
        var (bias, skip) = (TestMemory.Random(random, channels), TestMemory.Random(random, channels));
        var (steps, slopes) = (new double[perSlot], new double[perSlot]);
        for (var i = 0; i < perSlot; i++)
        {
            var given = (double)step.Data[i] + bias.Data[i % channels];
            (steps[i], slopes[i]) = (Math.Log(1 + Math.Exp(given)), 1 / (1 + Math.Exp(-given)));
        }

        for (var i = 0; i < perState; i++)
        {
            decay.Data[i] = selective ? -MathF.Abs(decay.Data[i]) : 1 / (1 + MathF.Abs(decay.Data[i]));
        }

        for (var i = 0; i < rows * slots; i++)
        {
            begins.Data[i] = i % slots % Stretch == 0 ? 1 : 0;
        }

        var (y, final, kept) = (new TestMemory(perSlot), new TestMemory(perRow), new TestMemory(rows * shape.Chunks * perState));
        var (du, dState, dDecay, dReadout) = (new TestMemory(perSlot), new TestMemory(perRow), new TestMemory(perState), new TestMemory(readout.Data.Length));
        var (dStep, dGain, dBias, dSkip) = (new TestMemory(perSlot), new TestMemory(shared), new TestMemory(channels), new TestMemory(channels));
        var e = new
        {
            Y = new double[perSlot], Final = new double[perRow], Du = new double[perSlot], Decay = new double[perState],
            Readout = new double[readout.Data.Length], Step = new double[perSlot], Gain = new double[shared], Bias = new double[channels], Skip = new double[channels],
        };
        for (var b = 0; b < rows; b++)
        for (var n = 0; n < states; n++)
        for (var c = 0; c < channels; c++)
        for (var t = 0; t < slots; t++)
        for (var s = t / Stretch * Stretch; s <= t; s++)
        {
            // What slot s adds to y_t, with the decay of the slots between, and how it depends on each of these.
            var (at, from, own) = ((b * slots + t) * channels + c, (b * slots + s) * channels + c, n * channels + c);
            var (rate, product) = ((double)decay.Data[own], 1.0);
            for (var r = s + 1; r <= t; r++)
            {
                product *= selective ? Math.Exp(steps[(b * slots + r) * channels + c] * rate) : rate;
            }

            var read = selective ? (b * slots + t) * states + n : own;
            var (weight, added) = ((double)readout.Data[read], (double)u.Data[from]);
            var factor = selective ? steps[from] : 1.0;
            var gained = factor * (selective ? gain.Data[(b * slots + s) * states + n] : 1.0);
            var upstream = dy.Data[at] * weight;
            e.Y[at] += weight * product * added * gained;
            e.Final[(b * states + n) * channels + c] += t == slots - 1 ? product * added * gained : 0;
            e.Du[from] += upstream * product * gained;
            e.Readout[read] += dy.Data[at] * product * added * gained;
            if (!selective)
            {
                e.Decay[own] += upstream * (t - s) * product / rate * added;
                continue;
            }

            e.Gain[(b * slots + s) * states + n] += upstream * product * added * factor;
            e.Step[from] += upstream * product * added * gain.Data[(b * slots + s) * states + n];
            for (var r = s + 1; r <= t; r++)
            {
                var between = (b * slots + r) * channels + c;
                e.Decay[own] += upstream * product * steps[between] * added * gained;
                e.Step[between] += upstream * product * rate * added * gained;
            }
        }

        for (var i = 0; i < perSlot && selective; i++)
        {
            var c = i % channels;
            e.Y[i] += skip.Data[c] * (double)u.Data[i];
            e.Du[i] += skip.Data[c] * (double)dy.Data[i];
            e.Step[i] *= slopes[i];
            e.Bias[c] += e.Step[i];
            e.Skip[c] += dy.Data[i] * (double)u.Data[i];
        }

        using var team = new ThreadTeam(threads);
        using var forward = new ScanForward(shape, threads)
        {
            VectorBits = bits, Added = u.Pointer, Begins = begins.Pointer, State = state.Pointer, Decay = decay.Pointer, Readout = readout.Pointer, Readouts = new Rows(readout.Pointer, states, (nint)slots * states),
            Step = step.Pointer, Gains = new Rows(gain.Pointer, states, (nint)slots * states), Bias = bias.Pointer, Skip = skip.Pointer, Output = y.Pointer, Final = final.Pointer, Kept = kept.Pointer,
        };
        using var backward = new ScanBackward(shape, threads)
        {
            VectorBits = bits, Added = u.Pointer, Begins = begins.Pointer, State = state.Pointer, Decay = decay.Pointer, Readout = readout.Pointer, Readouts = new Rows(readout.Pointer, states, (nint)slots * states),
            Step = step.Pointer, Gains = new Rows(gain.Pointer, states, (nint)slots * states), Bias = bias.Pointer, Skip = skip.Pointer, Kept = kept.Pointer, OutputGradient = dy.Pointer, AddedGradient = du.Pointer, StateGradient = dState.Pointer,
            DecayGradient = dDecay.Pointer, ReadoutGradient = dReadout.Pointer, ReadoutGradients = new Rows(dReadout.Pointer, states, (nint)slots * states),
            StepGradient = dStep.Pointer, GainGradients = new Rows(dGain.Pointer, states, (nint)slots * states),
            BiasGradient = dBias.Pointer, SkipGradient = dSkip.Pointer,
        };
        forward.Run(team);
        backward.Run(team);
        Close.Assert(e.Y, y.Data.ToDoubles(), 1e-5, "y");
        Close.Assert(e.Final, final.Data.ToDoubles(), 1e-5, "the last state");
        Close.Assert(e.Du, du.Data.ToDoubles(), 1e-5, "du");
        Close.Assert(e.Decay, dDecay.Data.ToDoubles(), 1e-5, "the gradient of the decay");
        Close.Assert(e.Readout, dReadout.Data.ToDoubles(), 1e-5, "the gradient of the readout");
        Assert.All(dState.Data, g => Assert.Equal(0, g));
        if (selective)
        {
            Close.Assert(e.Step, dStep.Data.ToDoubles(), 1e-5, "the gradient of the step");
            Close.Assert(e.Gain, dGain.Data.ToDoubles(), 1e-5, "the gradient of the gain");
            Close.Assert(e.Bias, dBias.Data.ToDoubles(), 1e-5, "the gradient of the bias");
            Close.Assert(e.Skip, dSkip.Data.ToDoubles(), 1e-5, "the gradient of the skip");
        }
    }
}
