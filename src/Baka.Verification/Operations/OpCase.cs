using Baka.Graph;
using Baka.Graph.Execution;
using Baka.Graph.Ops;

namespace Baka.Verification.Operations;

/// <summary>What a case builds from random sizes: operands are made by name, so that every executor can be given the same values.</summary>
public delegate Tensor OpBuilder(OpCase at);

/// <summary>
/// One graph around one op, with operands of random values and mostly of random awkward sizes, its loss and the
/// gradients of all operands. The same cases check the gradient rules on the reference and the kernels of every device.
/// </summary>
public sealed class OpCase
{
    public const string ResultName = "result";

    private readonly Random _random;
    private readonly bool _carried;
    private readonly Dictionary<string, float[]> _floats = [];
    private readonly Dictionary<string, int[]> _ints = [];
    private readonly List<Tensor> _operands = [];
    private readonly List<string> _results = [];

    /// <param name="seed">Of sizes and values.</param>
    /// <param name="carried">
    /// Activations, what is made of them, and their gradients are carried variables, which devices may keep with fewer
    /// digits than parameters and outputs.
    /// </param>
    public OpCase(OpBuilder build, int seed, bool carried = false)
    {
        _random = new Random(seed);
        _carried = carried;
        var result = build(this);
        var weights = Fixed("weights", result.Shape);
        Result(ResultName, result, IsCarried(result.Shape));
        var loss = (result * weights).SumAll();
        Graph.Output("loss", loss);
        var gradients = Gradients.Of(loss, _operands);
        for (var i = 0; i < gradients.Count; i++)
        {
            Result(GradientName(i), gradients[i], _operands[i].Node.Op is Variable { VariableKind: VariableKind.Carry });
        }
    }

    public TensorGraph Graph { get; } = new();

    /// <summary>What there are gradients of, in the order made.</summary>
    public IReadOnlyList<Tensor> Operands => _operands;

    /// <summary>Values of inputs and variables.</summary>
    public IReadOnlyDictionary<string, float[]> FloatValues => _floats;

    public static string OperandName(int index) => $"p{index}";

    public static string GradientName(int operand) => $"gradient {operand}";

    /// <summary>A random number from the least to the most.</summary>
    public int Size(int least, int most) => _random.Next(least, most + 1);

    /// <summary>A trained tensor: devices keep it as f32.</summary>
    public Tensor Parameter(Shape shape, float low = -1, float high = 1) => Operand(shape, low, high, Graph.Parameter);

    public Tensor Parameter(params int[] extents) => Parameter(new Shape(extents));

    /// <summary>A tensor such as layers hand on.</summary>
    public Tensor Activation(Shape shape, float low = -1, float high = 1) => Operand(shape, low, high, IsCarried(shape) ? Graph.Carry : Graph.Parameter);

    public Tensor Activation(params int[] extents) => Activation(new Shape(extents));

    /// <summary>An activation that no gradient is wanted of.</summary>
    public Tensor Fixed(string name, Shape shape)
    {
        Draw(name, shape, -1, 1);
        return IsCarried(shape) ? Graph.Carry(name, shape) : Graph.Input(name, DType.Float32, shape);
    }

    /// <summary>A parameter that no gradient is wanted of.</summary>
    public Tensor Frozen(string name, params int[] extents)
    {
        Draw(name, new Shape(extents), -1, 1);
        return Graph.Parameter(name, new Shape(extents));
    }

    /// <summary>Integers from low up to, but without, high.</summary>
    public Tensor Index(string name, int count, int low, int high) => Index(name, [.. Enumerable.Range(0, count).Select(_ => _random.Next(low, high))]);

    public Tensor Index(string name, int[] values)
    {
        _ints[name] = values;
        return Graph.Input(name, DType.Int32, new Shape(values.Length));
    }

    /// <summary>Gives a loaded program and its device the case's values.</summary>
    public void Fill(IDevice device, IProgram program)
    {
        foreach (var (name, values) in _floats)
        {
            if (Graph.Inputs.ContainsKey(name))
            {
                values.CopyTo(program.Floats(name));
            }
            else
            {
                device.Write(name, values);
            }
        }

        foreach (var (name, values) in _ints)
        {
            values.CopyTo(program.Ints(name));
        }
    }

    /// <summary>Result, loss and gradients as a device computes them.</summary>
    public Dictionary<string, float[]> Run(IDevice device)
    {
        using var program = device.Load(Graph);
        Fill(device, program);
        program.Run();
        var values = Graph.Outputs.Keys.ToDictionary(name => name, name => program.Output(name).ToArray());
        foreach (var name in _results)
        {
            values[name] = new float[Graph.Variables[name].Shape.Count];
            device.Read(name, values[name]);
        }

        return values;
    }

    // What rows carry has rows.
    private bool IsCarried(Shape shape) => _carried && shape.Rank > 1;

    private Tensor Operand(Shape shape, float low, float high, Func<string, Shape, Tensor> declare)
    {
        var name = OperandName(_operands.Count);
        Draw(name, shape, low, high);
        _operands.Add(declare(name, shape));
        return _operands[^1];
    }

    private void Result(string name, Tensor value, bool carried)
    {
        if (carried)
        {
            Graph.Assign(Graph.Carry(name, value.Shape), value);
            _results.Add(name);
        }
        else
        {
            Graph.Output(name, value);
        }
    }

    /// <summary>Values with 8 significant bits, which every device and precision can hold as they are.</summary>
    private void Draw(string name, Shape shape, float low, float high)
    {
        var values = new float[shape.Count];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = BitConverter.UInt32BitsToSingle(BitConverter.SingleToUInt32Bits(low + (high - low) * _random.NextSingle()) & 0xffff0000);
        }

        _floats[name] = values;
    }
}
