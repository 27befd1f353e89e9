namespace Baka.Graph.Tests;

/// <summary>What a case builds from random sizes: operands are made by name, so that every executor can be given the same values.</summary>
public delegate Tensor OpBuilder(OpCase at);

/// <summary>
/// One small graph around one op, with operands of random awkward sizes. The same cases check the gradient rules on
/// the reference and the kernels of every device.
/// </summary>
public sealed class OpCase
{
    private readonly Random _random;
    private readonly Dictionary<string, float[]> _floats = [];
    private readonly Dictionary<string, int[]> _ints = [];
    private readonly List<Tensor> _parameters = [];

    public OpCase(string name, int seed)
    {
        _random = new Random(seed * 7919 + name.Length);
        Graph = new TensorGraph();
        Result = All[name](this);
        var weights = Floats("weights", Result.Shape, -1, 1);
        Loss = (Result * Graph.Input("weights", DType.Float32, Result.Shape)).SumAll();
        Graph.Output("result", Result);
        Graph.Output("loss", Loss);
        var gradients = Gradients.Of(Loss, _parameters);
        for (var i = 0; i < gradients.Count; i++)
        {
            Graph.Output($"gradient {i}", gradients[i]);
        }
    }

    public static TheoryData<string, int> Names(int seeds)
    {
        var data = new TheoryData<string, int>();
        foreach (var name in All.Keys)
        {
            for (var seed = 1; seed <= seeds; seed++)
            {
                data.Add(name, seed);
            }
        }

        return data;
    }

    public TensorGraph Graph { get; }

    public Tensor Result { get; }

    public Tensor Loss { get; }

    public IReadOnlyList<Tensor> Parameters => _parameters;

    public IReadOnlyDictionary<string, float[]> FloatValues => _floats;

    public IReadOnlyDictionary<string, int[]> IntValues => _ints;

    public static IReadOnlyDictionary<string, OpBuilder> All { get; } = new Dictionary<string, OpBuilder>
    {
        ["add"] = c => c.Pair((x, y) => x + y),
        ["subtract"] = c => c.Pair((x, y) => x - y),
        ["multiply"] = c => c.Pair((x, y) => x * y),
        ["divide"] = c => c.Pair((x, y) => x / y, 0.5f, 2),
        ["maximum"] = c => c.Pair((x, y) => x.Maximum(y)),
        ["less and select"] = c => c.Pair((x, y) => x.Less(y).Select(x * 2f, y * y)),
        ["negate"] = c => c.One(x => -x),
        ["exp"] = c => c.One(x => x.Exp()),
        ["exp far"] = c => c.One(x => (x * 20f).Exp() * 1e-8f),
        ["log"] = c => c.One(x => x.Log(), 0.3f, 3),
        ["sqrt"] = c => c.One(x => x.Sqrt(), 0.3f, 3),
        ["reciprocal"] = c => c.One(x => x.Reciprocal(), 0.3f, 3),
        ["abs and sign"] = c => c.One(x => x.Abs() * 2f + x * x.Sign()),
        ["sigmoid"] = c => c.One(x => (x * 3f).Sigmoid()),
        ["tanh"] = c => c.One(x => x.Tanh()),
        ["tanh far"] = c => c.One(x => (x * 9f).Tanh()),
        ["erf"] = c => c.One(x => (x * 2f).Erf()),
        ["broadcast"] = c =>
        {
            var (a, b, d) = (c.Size(1, 5), c.Size(1, 7), c.Size(1, 40));
            return c.Parameter(a, 1, d) * c.Parameter(b, 1) + c.Parameter(Shape.Scalar) + c.Parameter(d) * 0.5f;
        },
        ["reshape and permute"] = c =>
        {
            var (a, b, d) = (c.Size(1, 5), c.Size(1, 6), c.Size(1, 20));
            var x = c.Parameter(a, b, d);
            return x.Permute(1, 0, 2).Reshape(b * a, d) * c.Parameter(b * a, d) + x.Permute(2, 1, 0).Reshape(a * b, d);
        },
        ["slice, pad and join"] = c =>
        {
            var (a, b, d) = (c.Size(1, 4), c.Size(2, 9), c.Size(1, 33));
            var x = c.Parameter(a, b, d);
            var y = c.Parameter(a, 3, d);
            var joined = Tensor.Concat(1, x.Slice(1, 1, b - 1), y, x * 2f);
            return joined.Slice(1, 1, b) + x.Slice(1, 0, 1).Pad(1, 1, b - 2) + Tensor.Concat(2, x, x + 1f).Slice(2, d, d);
        },
        ["sum"] = c =>
        {
            var x = c.Parameter(c.Size(1, 6), c.Size(1, 9), c.Size(1, 70));
            return x.Sum(0) * x.Sum(-1) + x.Sum(1) * x + x.Sum(0, 1) * x.SumAll() * 0.01f;
        },
        ["sum of squares"] = c => Tensor.SumOfSquares([c.Parameter(c.Size(1, 40)), c.Parameter(c.Size(1, 6), c.Size(1, 9)), c.Parameter(Shape.Scalar)]) * c.Parameter(3),
        ["product"] = c => c.Product(false, false),
        ["product, A transposed"] = c => c.Product(true, false),
        ["product, B transposed"] = c => c.Product(false, true),
        ["product, both transposed"] = c => c.Product(true, true),
        ["siblings"] = c =>
        {
            var (rows, d, n, m) = (c.Size(1, 40), c.Size(1, 40), c.Size(1, 30), c.Size(1, 50));
            var x = c.Parameter(rows, d);
            var (a, b, e) = (x.Linear(c.Parameter(n, d)), x.Linear(c.Parameter(m, d)), x.Linear(c.Parameter(n, d)));
            return (a * e.Sigmoid()).Linear(c.Parameter(m, n)) + b + x.Sum(-1);
        },
        ["shared weight in sequence"] = c =>
        {
            var (rows, d) = (c.Size(1, 20), c.Size(1, 24));
            var (x, w, u) = (c.Parameter(rows, d), c.Parameter(d, d), c.Parameter(d, d));
            for (var i = 0; i < 3; i++)
            {
                x = (x.Linear(w) + x.Linear(u)).Tanh() + x;
            }

            return x;
        },
        ["gather rows"] = c =>
        {
            var (rows, d, count) = (c.Size(1, 9), c.Size(1, 40), c.Size(1, 20));
            return c.Parameter(rows, d).GatherRows(c.Index("index", count, -1, rows)) * c.Parameter(count, d);
        },
        ["scatter rows"] = c =>
        {
            var (rows, d, count) = (c.Size(1, 9), c.Size(1, 40), c.Size(1, 20));
            return c.Parameter(count, d).ScatterRows(c.Index("index", count, -1, rows), rows) * c.Parameter(rows, d);
        },
        ["rms norm"] = c => c.Norm(false),
        ["layer norm"] = c => c.Norm(true),
        ["cross-entropy"] = c =>
        {
            var (rows, d, vocabulary) = (c.Size(1, 30), c.Size(1, 20), c.Size(2, 50));
            return c.Graph.Add(new Ops.LinearCrossEntropy(), [c.Parameter(rows, d), c.Parameter(vocabulary, d), c.Index("targets", rows, -1, vocabulary)]);
        },
        ["step"] = c => c.Step(1, false),
        ["step, every third"] = c => c.Step(3, false),
        ["step with history"] = c => c.Step(1, true),
        ["step with history, every second"] = c => c.Step(2, true),
        ["attention"] = c => c.Attend(windows: 1, past: false, theta: 0, detach: false),
        ["attention with rotary positions"] = c => c.Attend(windows: 1, past: false, theta: 100, detach: false),
        ["attention to a past"] = c => c.Attend(windows: 1, past: true, theta: 100, detach: false),
        ["attention over windows"] = c => c.Attend(windows: 3, past: true, theta: 100, detach: false),
        ["attention to a detached past"] = c => c.Attend(windows: 2, past: true, theta: 100, detach: true),
    };

    public int Size(int least, int most) => _random.Next(least, most + 1);

    public Tensor Parameter(params int[] extents) => Parameter(new Shape(extents));

    public Tensor Parameter(Shape shape, float low = -1, float high = 1)
    {
        var name = $"p{_parameters.Count}";
        Floats(name, shape, low, high);
        _parameters.Add(Graph.Parameter(name, shape));
        return _parameters[^1];
    }

    public Tensor Index(string name, int count, int low, int high)
    {
        _ints[name] = [.. Enumerable.Range(0, count).Select(_ => _random.Next(low, high))];
        return Graph.Input(name, DType.Int32, new Shape(count));
    }

    private float[] Floats(string name, Shape shape, float low, float high) =>
        _floats[name] = [.. Enumerable.Range(0, (int)shape.Count).Select(_ => low + (high - low) * _random.NextSingle())];

    private Shape RandomShape() => Size(1, 3) switch
    {
        1 => new Shape(Size(1, 100)),
        2 => new Shape(Size(1, 9), Size(1, 37)),
        _ => new Shape(Size(1, 4), Size(1, 5), Size(1, 19)),
    };

    private Tensor One(Func<Tensor, Tensor> function, float low = -2, float high = 2) => function(Parameter(RandomShape(), low, high));

    private Tensor Pair(Func<Tensor, Tensor, Tensor> function, float low = -2, float high = 2)
    {
        var shape = RandomShape();
        return function(Parameter(shape, low, high), Parameter(shape, low, high));
    }

    private Tensor Product(bool transposeA, bool transposeB)
    {
        var (m, k, n) = (Size(1, 50), Size(1, 50), Size(1, 50));
        var a = transposeA ? Parameter(k, m) : Parameter(m, k);
        var b = transposeB ? Parameter(n, k) : Parameter(k, n);
        return a.MatMul(b, transposeA, transposeB) * 2f + Parameter(m, n);
    }

    private Tensor Norm(bool centered)
    {
        var (rows, d) = (Size(1, 20), Size(2, 70));
        return Graph.Add(new Ops.Norm(centered, 1e-6f), [Parameter(rows, d), Parameter(d)]) * Parameter(rows, d);
    }

    private Tensor Step(int stride, bool carry)
    {
        var (groups, positions, width, d, output) = (Size(1, 4), Size(1, 9), Size(1, 4), Size(1, 12), Size(1, 12));
        var history = carry ? width - 1 : 0;
        var x = Parameter(groups, history + positions, d);
        return Graph.Add(new Ops.StepLinear(width, stride, history), [x, Parameter(output, width * d)]) * 1.5f;
    }

    private Tensor Attend(int windows, bool past, float theta, bool detach)
    {
        var (rows, slots, heads, width) = (Size(1, 3), Size(1, 20), Size(1, 3), 2 * Size(1, 9));
        var cached = past ? Size(1, 12) : 0;
        var shape = new Shape(rows, windows * slots, heads * width);
        List<Tensor> inputs = [Parameter(shape), Parameter(shape), Parameter(shape)];
        inputs.Add(Index("first", rows * windows, 0, cached + slots));
        inputs.Add(Index("last", slots, 0, cached + slots));
        inputs.Add(Index("position", slots, 0, cached + slots));
        if (past && detach)
        {
            inputs.AddRange([Fixed("past keys", rows, cached, heads * width), Fixed("past values", rows, cached, heads * width)]);
        }
        else if (past)
        {
            inputs.AddRange([Parameter(rows, cached, heads * width), Parameter(rows, cached, heads * width)]);
        }

        return Graph.Add(new Ops.Attention(heads, windows, theta, detach), inputs) * 1.5f;
    }

    private Tensor Fixed(string name, params int[] extents)
    {
        Floats(name, new Shape(extents), -1, 1);
        return Graph.Input(name, DType.Float32, new Shape(extents));
    }
}
