using System.Numerics;
using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>Linear recurrences: blocks of threads go through a row's slots, some channels each, and hold their states in registers.</summary>
internal static class ScanLowering
{
    private const int MostThreads = 128;

    /// <summary>Channels of a block whose slots' numbers find room in shared memory.</summary>
    private const int MostChannels = 64;

    /// <summary>Threads of a multiprocessor for which registers shall suffice.</summary>
    private const int ResidentThreads = 384;

    /// <summary>Bytes that may lie unused between what a block keeps in shared memory.</summary>
    private const int Alignment = 16;

    /// <summary>Elements of what is read or written slot by slot that a thread takes at once: as many floats are one access to shared memory.</summary>
    private const int WidestAccess = 4;

    /// <summary>(u, begins, state, decay, readout[, step, gain, bias, skip]) → (y, final, kept).</summary>
    public static IReadOnlyList<Operation> Lower(Scan op, Step step, LoweringContext context)
    {
        var (rows, slots, channels, states) = Sizes(step);
        var lanes = Lanes(op.Selective, states);
        var width = MostOf(lanes);
        var kernel = Kernel(
            "ScanForward.cu", "scan_forward", op.Selective, turned: false, step, lanes, width, [step.Inputs[0], step.Outputs[0]],
            ("STATE_TYPE", step.Inputs[2].Storage.Type),
            ("Y_TYPE", step.Outputs[0].Storage.Type),
            ("FINAL_TYPE", step.Outputs[1].Storage.Type));
        return
        [
            new Launch(
                kernel, new Grid(rows * Blocks.Count(channels, width)), width * lanes, 0,
                [.. step.Inputs.Take(Scan.Step), .. Selection(op.Selective, step), .. step.Outputs]),
        ];
    }

    /// <summary>(u, begins, state, decay, readout[, step, gain, bias, skip], kept, dy[, dFinal]) → (du, dState, dDecay, dReadout[, dStep, dGain, dBias, dSkip]).</summary>
    public static IReadOnlyList<Operation> Lower(ScanBackward op, Step step, LoweringContext context)
    {
        var (rows, slots, channels, states) = Sizes(step);
        var lanes = Lanes(op.Selective, states);
        var held = Blocks.Count(states, lanes);
        var turned = op.Selective && BitOperations.IsPow2(held) && held * lanes <= Blocks.WarpSize;
        var (width, bytes) = Block(op.Selective, turned, step, lanes, context.Device);
        var blocks = Blocks.Count(channels, width);
        var first = Scan.Inputs(op.Selective);
        var (kept, dy, dFinal) = (step.Inputs[first], step.Inputs[first + 1], step.Inputs[^1]);
        var (du, dState, dDecay, dReadout) = (step.Outputs[0], step.Outputs[1], step.Outputs[2], step.Outputs[3]);
        var dStep = op.Selective ? step.Outputs[4] : du;
        var decayParts = context.Scratch(Element.Float32, rows, states, channels);
        var readoutParts = op.Selective ? context.Scratch(Element.Float32, blocks, rows, slots, states) : context.Scratch(Element.Float32, rows, states, channels);
        var gainParts = op.Selective ? context.Scratch(Element.Float32, blocks, rows, slots, states) : readoutParts;
        var biasParts = op.Selective ? context.Scratch(Element.Float32, rows, channels) : readoutParts;
        var skipParts = op.Selective ? context.Scratch(Element.Float32, rows, channels) : readoutParts;
        var kernel = Kernel(
            "ScanBackward.cu", "scan_backward", op.Selective, turned, step, lanes, width, [step.Inputs[0], dy, du, dStep],
            ("PADDED", Padded(states, lanes)),
            ("BYTES", bytes),
            ("HAS_FINAL", op.HasFinal),
            ("DY_TYPE", dy.Storage.Type),
            ("DFINAL_TYPE", dFinal.Storage.Type),
            ("DU_TYPE", du.Storage.Type),
            ("DSTATE_TYPE", dState.Storage.Type),
            ("DSTEP_TYPE", dStep.Storage.Type));
        var launch = new Launch(
            kernel, new Grid(rows * blocks), width * lanes, bytes,
            [
                step.Inputs[0], step.Inputs[1], step.Inputs[3], step.Inputs[4], .. Selection(op.Selective, step), kept, dy, dFinal,
                du, dState, dStep, decayParts, readoutParts, gainParts, biasParts, skipParts,
            ]);
        return op.Selective
            ?
            [
                launch,
                .. SumLowering.ReduceAll(
                    context, (decayParts, dDecay), (biasParts, step.Outputs[6]), (skipParts, step.Outputs[7]), (readoutParts, dReadout), (gainParts, step.Outputs[5])),
            ]
            : [launch, .. SumLowering.ReduceAll(context, (decayParts, dDecay), (readoutParts, dReadout))];
    }

    private static (string Name, object Value)[] SlotStrides(string name, View view) => [($"{name}_ROW_STRIDE", view.Strides[0]), ($"{name}_STRIDE", view.Strides[1])];

    private static (int Rows, int Slots, int Channels, int States) Sizes(Step step)
    {
        var u = step.Inputs[0].Shape;
        return (u[0], u[1], u[2], step.Inputs[2].Shape[1]);
    }

    /// <summary>Step, gain, bias and skip; what a constant recurrence has instead is not read.</summary>
    private static View[] Selection(bool selective, Step step) =>
        selective ? [.. step.Inputs.Take(Scan.Inputs(selective)).Skip(Scan.Step)] : [step.Inputs[Scan.Added], .. Enumerable.Repeat(step.Inputs[Scan.Readout], 3)];

    /// <summary>
    /// Threads that share the states of a channel, where a warp suffices: a thread holds 4 states, or 2 of a constant
    /// recurrence, whose arithmetic is too little to fill the time that a state takes to the next slot.
    /// </summary>
    private static int Lanes(bool selective, int states) =>
        (int)Math.Min(Blocks.WarpSize, BitOperations.RoundUpToPowerOf2((uint)Blocks.Count(states, selective ? 4 : 2)));

    /// <summary>States of a thread, rounded up to a power of 2.</summary>
    private static int Padded(int states, int lanes) => (int)BitOperations.RoundUpToPowerOf2((uint)Blocks.Count(states, lanes));

    /// <summary>The most channels of a block.</summary>
    private static int MostOf(int lanes) => Math.Min(MostThreads / lanes, MostChannels);

    /// <summary>Floats from one slot's numbers to the next's in shared memory: a warp leaves sums of neighboring slots, a lane's share each, at once.</summary>
    private static int Row(int channels, int lanes) => channels + (lanes == 1 ? 0 : Math.Max(WidestAccess, Blocks.WarpSize / lanes));

    /// <summary>Rows from what channels share at one slot to that of the next: one for each order of states, and one that lets neighboring slots lie in different banks.</summary>
    private static int OrderRows(bool turned, int held) => turned ? held + 1 : 1;

    /// <summary>The most channels whose states of a chunk, every other slot's, fit into shared memory, with all that a chunk holds besides, and the bytes they take.</summary>
    private static (int Channels, int Bytes) Block(bool selective, bool turned, Step step, int lanes, DeviceProfile device)
    {
        var states = Sizes(step).States;
        var held = Blocks.Count(states, lanes);
        for (var channels = MostOf(lanes); channels >= 2 && channels * lanes >= Blocks.WarpSize; channels /= 2)
        {
            var threads = (long)channels * lanes;
            var before = Blocks.Count(Scan.ChunkLength, 2) * threads * held * sizeof(float);
            var slots = (long)Scan.ChunkLength * Row(channels, lanes) * sizeof(float);
            var given = 2 * slots;
            if (selective)
            {
                var sums = threads / Blocks.WarpSize * Scan.ChunkLength * lanes * Padded(states, lanes) * sizeof(float);
                var shared = (long)Scan.ChunkLength * OrderRows(turned, held) * lanes * held * (step.Inputs[Scan.Gain].Storage.Type.Bytes + step.Inputs[Scan.Readout].Storage.Type.Bytes);
                given += slots + channels * sizeof(float) + shared + 2 * sums;
            }

            var bytes = before + given + Alignment;
            if (bytes <= device.SharedBytesPerBlock)
            {
                return (channels, (int)bytes);
            }
        }

        throw new NotSupportedException($"Scans of {states} states a channel do not fit into the shared memory of {device.Name}.");
    }

    /// <param name="slots">What is read and written slot by slot.</param>
    private static Kernel Kernel(
        string file, string name, bool selective, bool turned, Step step, int lanes, int channels, View[] slots, params (string Name, object Value)[] defines)
    {
        var sizes = Sizes(step);
        var selection = Selection(selective, step);
        var (delta, gain) = (selection[0], selection[1]);
        var slotVector = Math.Min(VectorWidth.Choose(sizes.Channels, [delta, .. slots]), Math.Min(WidestAccess, Math.Min(channels, Scan.ChunkLength / lanes)));
        return Lowering.Kernel.FromFiles(
            name,
            [
                ("SELECTIVE", selective),
                ("ROWS", sizes.Rows),
                ("SLOTS", sizes.Slots),
                ("WIDTH", sizes.Channels),
                ("STATES", sizes.States),
                ("LENGTH", Scan.ChunkLength),
                ("LANES", lanes),
                ("CHANNELS", channels),
                ("ROW", Row(channels, lanes)),
                ("TURNED", turned),
                ("ORDER_ROWS", OrderRows(turned, Blocks.Count(sizes.States, lanes))),
                ("RESIDENT", ResidentThreads / (channels * lanes)),
                ("SLOT_VECTOR", slotVector),
                .. selective ? [.. SlotStrides("READOUT", step.Inputs[4]), .. SlotStrides("GAIN", gain)] : Array.Empty<(string, object)>(),
                ("STATE_VECTOR", selective ? Math.Min(WidestAccess, VectorWidth.Choose(sizes.States, step.Inputs[4], gain)) : 1),
                ("U_TYPE", step.Inputs[0].Storage.Type),
                ("BEGINS_TYPE", step.Inputs[1].Storage.Type),
                ("DECAY_TYPE", step.Inputs[3].Storage.Type),
                ("READOUT_TYPE", step.Inputs[4].Storage.Type),
                ("STEP_TYPE", delta.Storage.Type),
                ("GAIN_TYPE", gain.Storage.Type),
                ("BIAS_TYPE", selection[2].Storage.Type),
                ("SKIP_TYPE", selection[3].Storage.Type),
                .. defines,
            ],
            "ElementwiseFunctions.cuh", "Scan.cu", file);
    }
}
