using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Verification.Operations;

/// <summary>
/// Cases of the sizes that kernels are made for, and just beside them: several tiles and blocks, chunks with a rest,
/// widths that vectors do not divide.
/// </summary>
public static class LargeOpCases
{
    /// <summary>In place of the largest value of what lies before a row: nothing of it is a number, and something begins at once.</summary>
    private const float Unknown = float.NaN;

    public static IReadOnlyDictionary<string, OpBuilder> All { get; } = new Dictionary<string, OpBuilder>
    {
        ["attention, heads of 64, three windows, slices of a product"] = c => SlicedAttention(c, rows: 2, windows: 3, slots: 130, past: 130, heads: 2, width: 64),
        ["attention, heads of 64 that begin at multiples of 8 bytes"] = c => SlicedAttention(c, rows: 1, windows: 2, slots: 100, past: 100, heads: 2, width: 64, first: 4),
        ["attention, heads of 64 that begin at multiples of 4 bytes"] = c => SlicedAttention(c, rows: 1, windows: 2, slots: 70, past: 70, heads: 2, width: 64, first: 2),
        ["attention, heads of 32, two windows, a short past"] = c => Attend(c, rows: 1, windows: 2, slots: 200, past: 72, heads: 3, width: 32),
        ["attention, heads of 64, no past"] = c => Attend(c, rows: 1, windows: 1, slots: 520, past: 0, heads: 1, width: 64),
        ["attention, heads of 64, four windows, detached"] = c => Attend(c, rows: 1, windows: 4, slots: 64, past: 64, heads: 2, width: 64, detach: true),
        ["attention, heads of 64, scores that rise"] = c => AttendRising(c, slots: 520, width: 64, rise: 0.05f),
        ["attention, heads of 64, scores that rise far"] = c => AttendRising(c, slots: 520, width: 64, rise: 0.6f),
        ["attention, heads of 76, scores that rise far"] = c => AttendRising(c, slots: 200, width: 76, rise: 0.6f),
        ["attention, heads of 96, scores that rise far"] = c => AttendRising(c, slots: 200, width: 96, rise: 0.6f),
        ["attention, heads of 48"] = c => Attend(c, rows: 1, windows: 2, slots: 70, past: 70, heads: 2, width: 48),
        ["attention, heads of 68, three windows, slices of a product"] = c => SlicedAttention(c, rows: 2, windows: 3, slots: 130, past: 130, heads: 3, width: 68),
        ["attention, heads of 68, one alone, no past"] = c => Attend(c, rows: 2, windows: 2, slots: 90, past: 0, heads: 1, width: 68),
        ["attention, heads of 70, a short past"] = c => Attend(c, rows: 2, windows: 1, slots: 130, past: 35, heads: 2, width: 70),
        ["attention, heads of 72, three windows, slices of a product"] = c => SlicedAttention(c, rows: 2, windows: 3, slots: 100, past: 100, heads: 3, width: 72),
        ["attention, heads of 92, two windows"] = c => Attend(c, rows: 1, windows: 2, slots: 110, past: 110, heads: 2, width: 92),
        ["attention, heads of 100, four windows, slices of a product"] = c => SlicedAttention(c, rows: 1, windows: 4, slots: 70, past: 70, heads: 2, width: 100),
        ["attention, heads of 108, two windows, detached"] = c => Attend(c, rows: 1, windows: 2, slots: 96, past: 96, heads: 2, width: 108, detach: true),
        ["attention, heads of 60"] = c => Attend(c, rows: 1, windows: 2, slots: 70, past: 70, heads: 3, width: 60),
        ["attention, heads of 128, three windows"] = c => Attend(c, rows: 1, windows: 3, slots: 70, past: 70, heads: 1, width: 128),
        ["attention, heads of 120"] = c => Attend(c, rows: 1, windows: 2, slots: 70, past: 70, heads: 2, width: 120),
        ["attention, heads of 64 that share queries and keys"] = c => Attend(c, rows: 2, windows: 2, slots: 130, past: 130, heads: 3, width: 64, shared: true),
        ["attention, heads of 32 that share queries and keys"] = c => Attend(c, rows: 2, windows: 2, slots: 70, past: 35, heads: 3, width: 32, shared: true),
        ["attention of one query"] = c => Attend(c, rows: 1, windows: 1, slots: 1, past: 700, heads: 4, width: 64),
        ["attention of seven queries"] = c => Attend(c, rows: 2, windows: 1, slots: 7, past: 300, heads: 2, width: 32),
        ["rms norm of 768"] = c => Norm(c, 301, 768, centered: false),
        ["rms norm of 33"] = c => Norm(c, 1000, 33, centered: false),
        ["layer norm of 1000"] = c => Norm(c, 130, 1000, centered: true),
        ["rms norm of 1296"] = c => Norm(c, 1100, 1296, centered: false),
        ["rms norm of heads of 64 widened to 68"] = c => NormOfWider(c, 1100, heads: 12, 64, 68, centered: false),
        ["layer norm of heads of 96 widened to 112"] = c => NormOfWider(c, 700, heads: 12, 96, 112, centered: true),
        ["rms norm of heads of 150 widened to 180"] = c => NormOfWider(c, 300, heads: 12, 150, 180, centered: false),
        ["cross-entropy of 1,000 tokens"] = c => CrossEntropy(c, 300, 72, 1000),
        ["cross-entropy of rows that are sure"] = SureCrossEntropy,
        ["cross-entropy of 1,003 tokens"] = c => CrossEntropy(c, 150, 64, 1003),
        ["cross-entropy of 50,304 tokens"] = c => CrossEntropy(c, 21, 16, 50304),
        ["cross-entropy of many rows"] = c => CrossEntropy(c, 9001, 8, 33),
        ["gather of many rows"] = c => c.Parameter(500, 136).GatherRows(c.Index("index", 3000, -1, 500)) * c.Activation(3000, 136),
        ["scatter to few rows"] = c => c.Activation(3001, 96).ScatterRows(c.Index("index", 3001, -1, 5), 5) * c.Activation(5, 96),
        ["product of odd extents"] = c => c.Activation(513, 257).Linear(c.Parameter(129, 257)),
        ["product of one row"] = c => c.Activation(1, 768).Linear(c.Parameter(1000, 768)),
        ["products of a batch of odd extents"] = c => c.Activation(70, 65, 72).BatchMatMul(c.Activation(70, 33, 72), false, true),
        ["products of a batch"] = c => c.Activation(40, 104, 64).BatchMatMul(c.Activation(40, 104, 72), true, false),
        ["products of siblings"] = c =>
        {
            var x = c.Activation(260, 96);
            return x.Linear(c.Parameter(200, 96)) * x.Linear(c.Parameter(200, 96)).Sigmoid() + x.Linear(c.Parameter(1, 96));
        },
        ["elementwise on columns"] = c =>
        {
            var x = c.Activation(700, 3 * 256 + 5);
            return Tensor.Concat(1, x.Slice(1, 0, 256) * x.Slice(1, 256, 256).Sigmoid(), x.Slice(1, 517, 256) + c.Parameter(256));
        },
        ["elementwise over rows"] = c => c.Activation(900, 264) * c.Activation(900, 1) + c.Parameter(264) * 0.5f,
        ["transpositions"] = c =>
        {
            var x = c.Activation(3, 130, 70);
            return x.Permute(2, 0, 1).Reshape(70, 390) * c.Activation(70, 390) + x.Permute(2, 1, 0).Reshape(70, 390);
        },
        ["sums"] = c =>
        {
            var x = c.Activation(1500, 200);
            return x * x.Sum(0) * 0.01f + x.Sum(-1) * 0.1f;
        },
        ["sum of many squares"] = c => Tensor.SumOfSquares([c.Parameter(300, 500), c.Parameter(1023)]) * c.Parameter(2),
        ["gated layer"] = c =>
        {
            var x = c.Activation(4300, 16);
            return (x.Linear(c.Parameter(1016, 16)) * x.Linear(c.Parameter(1016, 16)).Sigmoid()).Linear(c.Parameter(16, 1016));
        },
        ["step of four"] = c => Step(c, groups: 3, positions: 260, stride: 1, history: 0),
        ["step of four, a multiple of 64 wide"] = c => Step(c, groups: 8, positions: 520, stride: 1, history: 0, width: 64),
        ["step of four with history, every second"] = c => Step(c, groups: 2, positions: 131, stride: 2, history: 3),
        ["convolution of four"] = c => Convolution(c, rows: 3, slots: 150, channels: 264),
        ["convolution of odd channels"] = c => Convolution(c, rows: 1, slots: 65, channels: 301),
        ["convolution behind a tail that is not a number"] = c => Convolution(c, rows: 3, slots: 70, channels: 264, Unknown),
        ["scan behind a state that is not a number"] = c => Scan(c, rows: 3, slots: 150, states: 16, channels: 264, selective: false, Unknown),
        ["selective scan behind a state that is not a number"] = c => Scan(c, rows: 3, slots: 150, states: 16, channels: 264, selective: true, Unknown),
        ["selective scan of 5 states behind one that is not a number"] = c => Scan(c, rows: 2, slots: 65, states: 5, channels: 133, selective: true, Unknown),
        ["scan of 16 states"] = c => Scan(c, rows: 3, slots: 300, states: 16, channels: 264, selective: false),
        ["selective scan of 16 states"] = c => Scan(c, rows: 3, slots: 300, states: 16, channels: 264, selective: true),
        ["selective scan, slices of a product"] = c => ScanOfSlices(c, rows: 2, slots: 70, states: 16, channels: 96),
        ["selective scan of 5 states"] = c => Scan(c, rows: 1, slots: 65, states: 5, channels: 133, selective: true),
        ["selective scan of 40 states"] = c => Scan(c, rows: 2, slots: 45, states: 40, channels: 70, selective: true),
        ["adamw"] = AdamW,
    };

    /// <summary>A case by its name.</summary>
    public static OpCase Make(string name, bool carried) => new(All[name], seed: name.Length, carried);

    /// <summary>Every query sees itself and what is before it, in the first window from some slot of the past on.</summary>
    private static Tensor Attend(OpCase c, int rows, int windows, int slots, int past, int heads, int width, bool detach = false, bool shared = false)
    {
        Tensor Now(int columns) => c.Activation(rows, windows * slots, columns);
        var keyWidth = shared ? width : heads * width;
        return Attend(c, [Now(keyWidth), Now(keyWidth), Now(heads * width)], windows, past, heads, detach);
    }

    /// <summary>Queries, keys and values lie side by side in what one product gives, and so do their gradients.</summary>
    private static Tensor SlicedAttention(OpCase c, int rows, int windows, int slots, int past, int heads, int width, int first = 0)
    {
        var (d, shape) = (heads * width, new Shape(rows, windows * slots, heads * width));
        var wide = c.Activation(rows * windows * slots, 40).Linear(c.Parameter(new Shape(3 * d + 24, 40), -0.3f, 0.3f));
        Tensor Part(int i) => wide.Slice(1, first + i * d, d).Reshape(shape);
        var o = Attend(c, [Part(0), Part(1), Part(2)], windows, past, heads, detach: false).Reshape(rows * windows * slots, d);
        return Tensor.Concat(1, o, wide.Slice(1, first + 3 * d, 24 - first));
    }

    /// <summary>A score is greater than those of the slots before, and in the end as great as no exponential function allows.</summary>
    private static Tensor AttendRising(OpCase c, int slots, int width, float rise)
    {
        var shape = new Shape(1, slots, 2 * width);
        var factor = c.Index("slot", [.. Enumerable.Range(0, slots)]).ToFloat().Reshape(1, slots, 1) * rise;
        return Attend(c, [c.Activation(shape, 0.5f, 1), c.Activation(shape, 0.5f, 1) * factor, c.Activation(shape)], windows: 1, past: 0, heads: 2, detach: false);
    }

    private static Tensor Attend(OpCase c, Tensor[] now, int windows, int past, int heads, bool detach)
    {
        var (rows, slots) = (now[0].Shape[0], now[0].Shape[1] / windows);
        var positions = Enumerable.Range(past, slots).ToArray();
        List<Tensor> inputs = [.. now, c.Index("first", rows * windows, 0, past + 1), c.Index("last", positions), c.Index("position", positions)];
        if (past > 0)
        {
            var (keys, values) = (new Shape(rows, past, now[1].Shape[2]), new Shape(rows, past, now[2].Shape[2]));
            inputs.AddRange(detach ? [c.Fixed("past keys", keys), c.Fixed("past values", values)] : [c.Activation(keys), c.Activation(values)]);
        }

        return c.Graph.Add(new Attention(heads, windows, 10000, detach), inputs);
    }

    private static Tensor Norm(OpCase c, int rows, int width, bool centered) =>
        c.Graph.Add(new Norm(centered, 1e-6f), [c.Activation(rows, width), c.Parameter(width)]);

    private static Tensor NormOfWider(OpCase c, int rows, int heads, int narrow, int wide, bool centered)
    {
        var x = c.Activation(rows, heads * narrow).Reshape(rows, heads, narrow).Pad(2, 0, wide - narrow).Reshape(rows, heads * wide);
        return c.Graph.Add(new Norm(centered, 1e-6f), [x, c.Parameter(heads * wide)]) + x;
    }

    private static Tensor CrossEntropy(OpCase c, int rows, int width, int vocabulary) =>
        c.Graph.Add(new LinearCrossEntropy(), [c.Activation(rows, width), c.Parameter(vocabulary, width), c.Index("targets", rows, -1, vocabulary)]);

    /// <summary>
    /// The last rows are multiples of entries of the vocabulary, which leave nothing to the others: one has its entry as target, one
    /// none, and the others' losses are some 100 nats and more, of which the exponential is no f32 number.
    /// </summary>
    private static Tensor SureCrossEntropy(OpCase c)
    {
        const int rows = 150, sure = 9, width = 72, vocabulary = 1000;
        var w = c.Parameter(vocabulary, width);
        var x = Tensor.Concat(0, c.Activation(rows, width), w.GatherRows(c.Index("entries", [.. Enumerable.Range(0, sure)])) * 8f);
        int[] targets = [.. Enumerable.Range(0, rows).Select(_ => c.Size(-1, vocabulary - 1)), 0, -1, .. Enumerable.Range(sure, sure - 2)];
        return c.Graph.Add(new LinearCrossEntropy(), [x, w, c.Index("targets", targets)]);
    }

    private static Tensor Step(OpCase c, int groups, int positions, int stride, int history, int width = 96) =>
        c.Graph.Add(new StepLinear(4, stride, history), [c.Activation(groups, history + positions, width), c.Parameter(72, 4 * width)]);

    private static Tensor Convolution(OpCase c, int rows, int slots, int channels, float before = 1)
    {
        Tensor[] inputs = [c.Activation(rows, slots, channels), Begins(c, rows, slots, before), c.Activation(new Shape(rows, 3, channels), -before, before), c.Parameter(4, channels), c.Parameter(channels)];
        var result = c.Graph.AddNode(new DepthwiseConvolution(), inputs);
        return Tensor.Concat(1, result.Outputs[0], result.Outputs[1]);
    }

    private static Tensor Scan(OpCase c, int rows, int slots, int states, int channels, bool selective, float before = 1)
    {
        var (perState, perSlot) = (new Shape(states, channels), new Shape(rows, slots, states));
        List<Tensor> inputs = [c.Activation(rows, slots, channels), Begins(c, rows, slots, before), c.Activation(new Shape(rows, states, channels), -before, before)];
        inputs.AddRange(selective
            ? [c.Parameter(perState, -4, -0.1f), c.Activation(perSlot), c.Activation(rows, slots, channels), c.Activation(perSlot), c.Parameter(new Shape(channels), -4, -1), c.Parameter(channels)]
            : [c.Parameter(perState, 0.5f, 0.99f), c.Parameter(perState)]);
        var scan = c.Graph.AddNode(new Scan(selective), inputs);
        return Tensor.Concat(1, scan.Outputs[0], scan.Outputs[1]);
    }

    /// <summary>Gain and readout lie side by side in what one product gives, and so do their gradients.</summary>
    private static Tensor ScanOfSlices(OpCase c, int rows, int slots, int states, int channels)
    {
        var wide = c.Activation(rows * slots, 40).Linear(c.Parameter(new Shape(24 + 2 * states, 40), -0.3f, 0.3f));
        Tensor PerSlot(int i) => wide.Slice(1, 24 + i * states, states).Reshape(rows, slots, states);
        Tensor[] inputs =
        [
            c.Activation(rows, slots, channels), Begins(c, rows, slots), c.Activation(rows, states, channels), c.Parameter(new Shape(states, channels), -4, -0.1f),
            PerSlot(1), c.Activation(rows, slots, channels), PerSlot(0), c.Parameter(new Shape(channels), -4, -1), c.Parameter(channels),
        ];
        var y = c.Graph.AddNode(new Scan(Selective: true), inputs).Outputs[0];
        return Tensor.Concat(1, y.Reshape(rows * slots, channels), wide.Slice(1, 0, 24));
    }

    /// <summary>A document begins in the middle of every row, and in its first slot where what lies before is not known.</summary>
    private static Tensor Begins(OpCase c, int rows, int slots, float before = 1) =>
        c.Index("begins", [.. Enumerable.Range(0, rows * slots).Select(i => i % slots == slots / 2 || (i % slots == 0 && float.IsNaN(before)) ? 1 : 0)]).ToFloat().Reshape(rows, slots);

    /// <summary>A parameter after an update, of which moments and gradient are operands.</summary>
    private static Tensor AdamW(OpCase c)
    {
        var shape = new Shape(301, 77);
        var (p, m, v, g) = (c.Parameter(shape), c.Parameter(shape), c.Parameter(shape, 0.1f), c.Parameter(shape));
        var step = (m * 0.9f + g * 0.1f) * 2f / ((v * 0.95f + g * g * 0.05f).Sqrt() * 1.5f + 1e-8f);
        return p * 0.9f - step * 0.1f;
    }
}
