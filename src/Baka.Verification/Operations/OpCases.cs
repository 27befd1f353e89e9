using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Verification.Operations;

/// <summary>Small cases: every op, at sizes that are drawn anew for every seed.</summary>
public static class OpCases
{
    /// <summary>Its gradient is zero on purpose where the value still changes.</summary>
    public const string DetachedPast = "attention to a detached past";

    public static IReadOnlyDictionary<string, OpBuilder> All { get; } = new Dictionary<string, OpBuilder>
    {
        ["add"] = c => Pair(c, (x, y) => x + y),
        ["subtract"] = c => Pair(c, (x, y) => x - y),
        ["multiply"] = c => Pair(c, (x, y) => x * y),
        ["divide"] = c => Pair(c, (x, y) => x / y, 0.5f, 2),
        ["maximum"] = c => Pair(c, (x, y) => x.Maximum(y)),
        ["less and select"] = c => Pair(c, (x, y) => x.Less(y).Select(x * 2f, y * y)),
        ["negate"] = c => One(c, x => -x),
        ["exp"] = c => One(c, x => x.Exp()),
        ["exp far"] = c => One(c, x => (x * 20f).Exp() * 1e-8f),
        ["log"] = c => One(c, x => x.Log(), 0.3f, 3),
        ["sqrt"] = c => One(c, x => x.Sqrt(), 0.3f, 3),
        ["reciprocal"] = c => One(c, x => x.Reciprocal(), 0.3f, 3),
        ["abs and sign"] = c => One(c, x => x.Abs() * 2f + x * x.Sign()),
        ["sigmoid"] = c => One(c, x => (x * 3f).Sigmoid()),
        ["softplus"] = c => One(c, x => (x * 3f).Softplus()),
        ["softplus far"] = c => One(c, x => (x * 30f).Softplus()),
        ["tanh"] = c => One(c, x => x.Tanh()),
        ["tanh far"] = c => One(c, x => (x * 9f).Tanh()),
        ["erf"] = c => One(c, x => (x * 2f).Erf()),
        ["broadcast"] = c =>
        {
            var (a, b, d) = (c.Size(1, 5), c.Size(1, 7), c.Size(1, 40));
            return c.Activation(a, 1, d) * c.Activation(b, 1) + c.Parameter(Shape.Scalar) + c.Parameter(d) * 0.5f;
        },
        ["reshape and permute"] = c =>
        {
            var (a, b, d) = (c.Size(1, 5), c.Size(1, 6), c.Size(1, 20));
            var x = c.Activation(a, b, d);
            return x.Permute(1, 0, 2).Reshape(b * a, d) * c.Activation(b * a, d) + x.Permute(2, 1, 0).Reshape(a * b, d);
        },
        ["slice, pad and join"] = c =>
        {
            var (a, b, d) = (c.Size(1, 4), c.Size(2, 9), c.Size(1, 33));
            var x = c.Activation(a, b, d);
            var y = c.Activation(a, 3, d);
            var joined = Tensor.Concat(1, x.Slice(1, 1, b - 1), y, x * 2f);
            return joined.Slice(1, 1, b) + x.Slice(1, 0, 1).Pad(1, 1, b - 2) + Tensor.Concat(2, x, x + 1f).Slice(2, d, d);
        },
        ["sum"] = c =>
        {
            var x = c.Activation(c.Size(1, 6), c.Size(1, 9), c.Size(1, 70));
            return x.Sum(0) * x.Sum(-1) + x.Sum(1) * x + x.Sum(0, 1) * x.SumAll() * 0.01f;
        },
        ["sum of squares"] = c => Tensor.SumOfSquares([c.Parameter(c.Size(1, 40)), c.Parameter(c.Size(1, 6), c.Size(1, 9)), c.Parameter(Shape.Scalar)]) * c.Parameter(3),
        ["product"] = c => Product(c, false, false),
        ["product, A transposed"] = c => Product(c, true, false),
        ["product, B transposed"] = c => Product(c, false, true),
        ["product, both transposed"] = c => Product(c, true, true),
        ["products of a batch"] = c => BatchProduct(c, false, false),
        ["products of a batch, A transposed"] = c => BatchProduct(c, true, false),
        ["products of a batch, B transposed"] = c => BatchProduct(c, false, true),
        ["products of a batch, both transposed"] = c => BatchProduct(c, true, true),
        ["sum of products of a batch"] = c =>
        {
            // Also the gradient of x is such a sum.
            var (batch, m, k) = (c.Size(1, 5), c.Size(1, 20), c.Size(1, 20));
            var x = c.Activation(batch, m, k);
            return x.BatchMatMul(c.Activation(batch, k, k)).Tanh() + x.BatchMatMul(c.Activation(batch, k, k), false, true);
        },
        ["products of parts of a batch"] = c =>
        {
            var (batch, m, k, n) = (c.Size(1, 5), c.Size(2, 20), c.Size(1, 20), c.Size(1, 20));
            var wide = c.Activation(batch, m + 3, k);
            return wide.Slice(1, 1, m).BatchMatMul(c.Activation(batch, n, k).Permute(0, 2, 1)) * wide.Slice(1, 3, m).Sum(-1);
        },
        ["roll"] = c =>
        {
            var (rows, heads, slots, width) = (c.Size(1, 3), c.Size(1, 4), c.Size(1, 9), c.Size(1, 20));
            return Roll(c, c.Activation(rows, heads, slots, width), back: false) * 1.5f;
        },
        ["roll back, heads side by side"] = c =>
        {
            var (rows, heads, slots, width) = (c.Size(1, 3), c.Size(1, 4), c.Size(1, 9), c.Size(1, 20));
            return Roll(c, c.Activation(rows, slots, heads, width).Permute(0, 2, 1, 3), back: true) * 1.5f;
        },
        ["siblings"] = c =>
        {
            var (rows, d, n, m) = (c.Size(1, 40), c.Size(1, 40), c.Size(1, 30), c.Size(1, 50));
            var x = c.Activation(rows, d);
            var (a, b, e) = (x.Linear(c.Parameter(n, d)), x.Linear(c.Parameter(m, d)), x.Linear(c.Parameter(n, d)));
            return (a * e.Sigmoid()).Linear(c.Parameter(m, n)) + b + x.Sum(-1);
        },
        ["shared weight in sequence"] = c =>
        {
            var (rows, d) = (c.Size(1, 20), c.Size(1, 24));
            var (x, w, u) = (c.Activation(rows, d), c.Parameter(d, d), c.Parameter(d, d));
            for (var i = 0; i < 3; i++)
            {
                x = (x.Linear(w) + x.Linear(u)).Tanh() + x;
            }

            return x;
        },
        ["gather rows"] = c =>
        {
            var (rows, d, count) = (c.Size(1, 9), c.Size(1, 40), c.Size(1, 20));
            return c.Parameter(rows, d).GatherRows(c.Index("index", count, -1, rows)) * c.Activation(count, d);
        },
        ["scatter rows"] = c =>
        {
            var (rows, d, count) = (c.Size(1, 9), c.Size(1, 40), c.Size(1, 20));
            return c.Activation(count, d).ScatterRows(c.Index("index", count, -1, rows), rows) * c.Activation(rows, d);
        },
        ["rms norm"] = c => Norm(c, false),
        ["layer norm"] = c => Norm(c, true),
        ["norm with a frozen weight"] = c => Norm(c, false, Frozen.Weight),
        ["rms norm of wider heads"] = c => NormOfWider(c, false),
        ["layer norm of wider heads, with a frozen weight"] = c => NormOfWider(c, true, Frozen.Weight),
        ["cross-entropy"] = c => CrossEntropy(c),
        ["cross-entropy with a frozen weight"] = c => CrossEntropy(c, Frozen.Weight),
        ["cross-entropy of a frozen input"] = c => CrossEntropy(c, Frozen.Input),
        ["argmax in cross-entropy"] = c =>
        {
            // Logits are small whole numbers, exact in every precision, and often equal.
            var (rows, d, vocabulary) = (c.Size(1, 30), c.Size(1, 6), c.Size(2, 9));
            var (x, w) = (c.Fixed("x", new Shape(rows, d)).Sign(), c.Fixed("w", new Shape(vocabulary, d)).Sign());
            return c.Graph.AddNode(new LinearCrossEntropy(), [x, w, c.Index("targets", rows, -1, vocabulary)]).Outputs[1] * c.Activation(rows);
        },
        ["step"] = c => Step(c, 1, false),
        ["step with a frozen weight"] = c => Step(c, 1, true, Frozen.Weight),
        ["step of a frozen input"] = c => Step(c, 2, false, Frozen.Input),
        ["step, every third"] = c => Step(c, 3, false),
        ["step with history"] = c => Step(c, 1, true),
        ["step with history, every second"] = c => Step(c, 2, true),
        ["convolution"] = Convolution,
        ["convolution of a slice in windows"] = ConvolutionInWindows,
        ["scan"] = c => Scan(c, selective: false, slots: c.Size(1, 9)),
        ["scan of chunks"] = c => Scan(c, selective: false, slots: c.Size(60, 100)),
        ["selective scan"] = c => Scan(c, selective: true, slots: c.Size(1, 9)),
        ["selective scan of chunks"] = c => Scan(c, selective: true, slots: c.Size(60, 100)),
        ["scan in windows"] = c => ScanInWindows(c, selective: false),
        ["selective scan in windows"] = c => ScanInWindows(c, selective: true),
        ["attention"] = c => Attend(c, windows: 1, past: false, theta: 0, detach: false),
        ["attention with rotary positions"] = c => Attend(c, windows: 1, past: false, theta: 100, detach: false),
        ["attention to a past"] = c => Attend(c, windows: 1, past: true, theta: 100, detach: false),
        ["attention over windows"] = c => Attend(c, windows: 3, past: true, theta: 100, detach: false),
        [DetachedPast] = c => Attend(c, windows: 2, past: true, theta: 100, detach: true),
        ["attention with shared queries and keys"] = c => Attend(c, windows: 2, past: true, theta: 100, detach: false, shared: true),
    };

    /// <summary>A case by its name.</summary>
    public static OpCase Make(string name, int seed, bool carried = false) => new(All[name], seed * 7919 + name.Length, carried);

    private static Shape RandomShape(OpCase c) => c.Size(1, 3) switch
    {
        1 => new Shape(c.Size(1, 100)),
        2 => new Shape(c.Size(1, 9), c.Size(1, 37)),
        _ => new Shape(c.Size(1, 4), c.Size(1, 5), c.Size(1, 19)),
    };

    private static Tensor One(OpCase c, Func<Tensor, Tensor> function, float low = -2, float high = 2) => function(c.Activation(RandomShape(c), low, high));

    private static Tensor Pair(OpCase c, Func<Tensor, Tensor, Tensor> function, float low = -2, float high = 2)
    {
        var shape = RandomShape(c);
        return function(c.Activation(shape, low, high), c.Activation(shape, low, high));
    }

    private static Tensor Product(OpCase c, bool transposeA, bool transposeB)
    {
        var (m, k, n) = (c.Size(1, 50), c.Size(1, 50), c.Size(1, 50));
        var a = transposeA ? c.Activation(k, m) : c.Activation(m, k);
        var b = transposeB ? c.Parameter(n, k) : c.Parameter(k, n);
        return a.MatMul(b, transposeA, transposeB) * 2f + c.Activation(m, n);
    }

    private static Tensor BatchProduct(OpCase c, bool transposeA, bool transposeB)
    {
        var (batch, m, k, n) = (c.Size(1, 7), c.Size(1, 30), c.Size(1, 30), c.Size(1, 30));
        var a = transposeA ? c.Activation(batch, k, m) : c.Activation(batch, m, k);
        var b = transposeB ? c.Activation(batch, n, k) : c.Activation(batch, k, n);
        return a.BatchMatMul(b, transposeA, transposeB) * 2f;
    }

    /// <summary>Shifts may be longer than cycles, and negative.</summary>
    private static Tensor Roll(OpCase c, Tensor x, bool back)
    {
        var (heads, slots, width) = (x.Shape[1], x.Shape[2], x.Shape[3]);
        List<int> first = [], length = [];
        for (var head = 0; head < heads; head++)
        {
            for (var begin = 0; begin < width; begin = first.Count - head * width)
            {
                var cycle = c.Size(1, width - begin);
                first.AddRange(Enumerable.Repeat(begin, cycle));
                length.AddRange(Enumerable.Repeat(cycle, cycle));
            }
        }

        return c.Graph.Add(new Roll(back), [x, c.Index("shift", slots, -50, 50), c.Index("first", [.. first]), c.Index("length", [.. length])]);
    }

    private static Tensor Norm(OpCase c, bool centered, Frozen frozen = Frozen.Nothing)
    {
        var (rows, d) = (c.Size(1, 20), c.Size(2, 70));
        return c.Graph.Add(new Norm(centered, 1e-6f), [c.Activation(rows, d), Weight(c, frozen, d)]) * c.Activation(rows, d);
    }

    private static Tensor NormOfWider(OpCase c, bool centered, Frozen frozen = Frozen.Nothing)
    {
        var (rows, heads, narrow, more) = (c.Size(1, 20), c.Size(1, 5), c.Size(1, 9), c.Size(1, 5));
        var x = c.Activation(rows, heads * narrow).Reshape(rows, heads, narrow).Pad(2, 0, more).Reshape(rows, heads * (narrow + more));
        return c.Graph.Add(new Norm(centered, 1e-6f), [x, Weight(c, frozen, x.Shape[1])]) * c.Activation(x.Shape) + x;
    }

    private static Tensor CrossEntropy(OpCase c, Frozen frozen = Frozen.Nothing)
    {
        var (rows, d, vocabulary) = (c.Size(1, 30), c.Size(1, 20), c.Size(2, 50));
        return c.Graph.Add(new LinearCrossEntropy(), [Input(c, frozen, rows, d), Weight(c, frozen, vocabulary, d), c.Index("targets", rows, -1, vocabulary)]);
    }

    private static Tensor Input(OpCase c, Frozen frozen, params int[] extents) =>
        frozen == Frozen.Input ? c.Fixed("frozen", new Shape(extents)) : c.Activation(extents);

    private static Tensor Weight(OpCase c, Frozen frozen, params int[] extents) =>
        frozen == Frozen.Weight ? c.Frozen("frozen", extents) : c.Parameter(extents);

    private static Tensor Step(OpCase c, int stride, bool carry, Frozen frozen = Frozen.Nothing)
    {
        var (groups, positions, width, d, output) = (c.Size(1, 4), c.Size(1, 9), c.Size(1, 4), c.Size(1, 12), c.Size(1, 12));
        var history = carry ? width - 1 : 0;
        var x = Input(c, frozen, groups, history + positions, d);
        return c.Graph.Add(new StepLinear(width, stride, history), [x, Weight(c, frozen, output, width * d)]) * 1.5f;
    }

    private static Tensor Attend(OpCase c, int windows, bool past, float theta, bool detach, bool shared = false)
    {
        var (rows, slots, heads, width) = (c.Size(1, 3), c.Size(1, 20), c.Size(1, 3), 2 * c.Size(1, 9));
        var cached = past ? c.Size(1, 12) : 0;
        var keyWidth = shared ? width : heads * width;
        Tensor Now(int columns) => c.Activation(rows, windows * slots, columns);
        List<Tensor> inputs = [Now(keyWidth), Now(keyWidth), Now(heads * width)];
        inputs.Add(c.Index("first", rows * windows, 0, cached + slots));
        inputs.Add(c.Index("last", slots, 0, cached + slots));
        inputs.Add(c.Index("position", slots, 0, cached + slots));
        if (past)
        {
            var (keys, values) = (new Shape(rows, cached, keyWidth), new Shape(rows, cached, heads * width));
            inputs.AddRange(detach ? [c.Fixed("past keys", keys), c.Fixed("past values", values)] : [c.Activation(keys), c.Activation(values)]);
        }

        return c.Graph.Add(new Attention(heads, windows, theta, detach), inputs) * 1.5f;
    }

    /// <summary>Outputs and last states of rows in which something begins now and then.</summary>
    private static Tensor Scan(OpCase c, bool selective, int slots)
    {
        var (rows, states, channels) = (c.Size(1, 3), c.Size(1, 5), c.Size(1, 40));
        var scan = Scan(c, selective, c.Activation(rows, slots, channels), c.Activation(rows, states, channels), Coefficients(c, selective, rows, slots, states, channels));
        return Tensor.Concat(1, scan.Outputs[0], scan.Outputs[1]) * 1.5f;
    }

    /// <summary>One scan goes on where another ended.</summary>
    private static Tensor ScanInWindows(OpCase c, bool selective)
    {
        var (rows, slots, states, channels) = (c.Size(1, 3), c.Size(1, 40), c.Size(1, 4), c.Size(1, 20));
        var u = c.Activation(rows, 2 * slots, channels);
        var coefficients = Coefficients(c, selective, rows, slots, states, channels);
        var first = Scan(c, selective, u.Slice(1, 0, slots), c.Activation(rows, states, channels), coefficients);
        var second = Scan(c, selective, u.Slice(1, slots, slots), first.Outputs[1], coefficients);
        return Tensor.Concat(1, first.Outputs[0], second.Outputs[0]) * 1.5f;
    }

    private static Tensor Convolution(OpCase c)
    {
        var (rows, slots, channels, width) = (c.Size(1, 3), c.Size(1, 20), c.Size(1, 150), c.Size(2, 5));
        var tail = c.Activation(rows, width - 1, channels);
        var result = c.Graph.AddNode(new DepthwiseConvolution(), [c.Activation(rows, slots, channels), Begins(c, rows, slots), tail, c.Parameter(width, channels), c.Parameter(channels)]);
        return Tensor.Concat(1, result.Outputs[0], result.Outputs[1]) * 1.5f;
    }

    /// <summary>One convolution goes on where another ended; both read columns of a product.</summary>
    private static Tensor ConvolutionInWindows(OpCase c)
    {
        var (rows, slots, channels) = (c.Size(1, 3), c.Size(1, 4), c.Size(1, 30));
        var both = c.Activation(rows * 2 * slots, 7).Linear(c.Parameter(2 * channels, 7));
        var x = both.Slice(1, channels, channels).Reshape(rows, 2 * slots, channels);
        var (w, bias) = (c.Parameter(4, channels), c.Parameter(channels));
        var first = c.Graph.AddNode(new DepthwiseConvolution(), [x.Slice(1, 0, slots), Begins(c, rows, slots), c.Activation(rows, 3, channels), w, bias]);
        var second = c.Graph.AddNode(new DepthwiseConvolution(), [x.Slice(1, slots, slots), Begins(c, rows, slots), first.Outputs[1], w, bias]);
        return Tensor.Concat(1, first.Outputs[0], second.Outputs[0]) * both.Slice(1, 0, channels).Reshape(rows, 2 * slots, channels);
    }

    private static Node Scan(OpCase c, bool selective, Tensor u, Tensor state, Tensor[] coefficients)
    {
        var (rows, slots) = (u.Shape[0], u.Shape[1]);
        return c.Graph.AddNode(new Scan(selective), [u, Begins(c, rows, slots), state, .. coefficients]);
    }

    /// <summary>1 now and then.</summary>
    private static Tensor Begins(OpCase c, int rows, int slots) =>
        c.Index($"begins {c.Graph.Inputs.Count}", [.. Enumerable.Range(0, rows * slots).Select(_ => c.Size(0, 12) / 12)]).ToFloat().Reshape(rows, slots);

    /// <summary>Decay and readout, or rate, readout, step, gain, bias and skip.</summary>
    private static Tensor[] Coefficients(OpCase c, bool selective, int rows, int slots, int states, int channels)
    {
        var perState = new Shape(states, channels);
        if (!selective)
        {
            return [c.Parameter(perState, 0.2f, 0.95f), c.Parameter(perState)];
        }

        var perSlot = new Shape(rows, slots, states);
        return [c.Parameter(perState, -2, -0.1f), c.Activation(perSlot), c.Activation(rows, slots, channels), c.Activation(perSlot), c.Parameter(channels), c.Parameter(channels)];
    }

    /// <summary>Which operand no gradient is wanted of.</summary>
    private enum Frozen
    {
        Nothing,
        Input,
        Weight,
    }
}
