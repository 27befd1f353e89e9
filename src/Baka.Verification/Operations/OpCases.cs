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
        ["cross-entropy"] = c =>
        {
            var (rows, d, vocabulary) = (c.Size(1, 30), c.Size(1, 20), c.Size(2, 50));
            return c.Graph.Add(new LinearCrossEntropy(), [c.Activation(rows, d), c.Parameter(vocabulary, d), c.Index("targets", rows, -1, vocabulary)]);
        },
        ["argmax in cross-entropy"] = c =>
        {
            // Logits are small whole numbers, exact in every precision, and often equal.
            var (rows, d, vocabulary) = (c.Size(1, 30), c.Size(1, 6), c.Size(2, 9));
            var (x, w) = (c.Fixed("x", new Shape(rows, d)).Sign(), c.Fixed("w", new Shape(vocabulary, d)).Sign());
            return c.Graph.AddNode(new LinearCrossEntropy(), [x, w, c.Index("targets", rows, -1, vocabulary)]).Outputs[1] * c.Activation(rows);
        },
        ["step"] = c => Step(c, 1, false),
        ["step, every third"] = c => Step(c, 3, false),
        ["step with history"] = c => Step(c, 1, true),
        ["step with history, every second"] = c => Step(c, 2, true),
        ["attention"] = c => Attend(c, windows: 1, past: false, theta: 0, detach: false),
        ["attention with rotary positions"] = c => Attend(c, windows: 1, past: false, theta: 100, detach: false),
        ["attention to a past"] = c => Attend(c, windows: 1, past: true, theta: 100, detach: false),
        ["attention over windows"] = c => Attend(c, windows: 3, past: true, theta: 100, detach: false),
        [DetachedPast] = c => Attend(c, windows: 2, past: true, theta: 100, detach: true),
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

    private static Tensor Norm(OpCase c, bool centered)
    {
        var (rows, d) = (c.Size(1, 20), c.Size(2, 70));
        return c.Graph.Add(new Norm(centered, 1e-6f), [c.Activation(rows, d), c.Parameter(d)]) * c.Activation(rows, d);
    }

    private static Tensor Step(OpCase c, int stride, bool carry)
    {
        var (groups, positions, width, d, output) = (c.Size(1, 4), c.Size(1, 9), c.Size(1, 4), c.Size(1, 12), c.Size(1, 12));
        var history = carry ? width - 1 : 0;
        var x = c.Activation(groups, history + positions, d);
        return c.Graph.Add(new StepLinear(width, stride, history), [x, c.Parameter(output, width * d)]) * 1.5f;
    }

    private static Tensor Attend(OpCase c, int windows, bool past, float theta, bool detach)
    {
        var (rows, slots, heads, width) = (c.Size(1, 3), c.Size(1, 20), c.Size(1, 3), 2 * c.Size(1, 9));
        var cached = past ? c.Size(1, 12) : 0;
        var shape = new Shape(rows, windows * slots, heads * width);
        List<Tensor> inputs = [c.Activation(shape), c.Activation(shape), c.Activation(shape)];
        inputs.Add(c.Index("first", rows * windows, 0, cached + slots));
        inputs.Add(c.Index("last", slots, 0, cached + slots));
        inputs.Add(c.Index("position", slots, 0, cached + slots));
        if (past)
        {
            var pastShape = new Shape(rows, cached, heads * width);
            inputs.AddRange(detach
                ? [c.Fixed("past keys", pastShape), c.Fixed("past values", pastShape)]
                : [c.Activation(pastShape), c.Activation(pastShape)]);
        }

        return c.Graph.Add(new Attention(heads, windows, theta, detach), inputs) * 1.5f;
    }
}
