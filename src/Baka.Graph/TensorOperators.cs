using Baka.Graph.Ops;

namespace Baka.Graph;

/// <summary>The vocabulary that models are written in. Binary operators repeat axes as NumPy does.</summary>
public sealed partial class Tensor
{
    public static Tensor operator +(Tensor a, Tensor b) => Apply(BinaryFunction.Add, a, b);

    public static Tensor operator -(Tensor a, Tensor b) => Apply(BinaryFunction.Subtract, a, b);

    public static Tensor operator *(Tensor a, Tensor b) => Apply(BinaryFunction.Multiply, a, b);

    public static Tensor operator /(Tensor a, Tensor b) => Apply(BinaryFunction.Divide, a, b);

    public static Tensor operator +(Tensor a, float b) => a + a.Scalar(b);

    public static Tensor operator -(Tensor a, float b) => a - a.Scalar(b);

    public static Tensor operator *(Tensor a, float b) => a * a.Scalar(b);

    public static Tensor operator /(Tensor a, float b) => a * a.Scalar(1 / b);

    public static Tensor operator +(float a, Tensor b) => b.Scalar(a) + b;

    public static Tensor operator -(float a, Tensor b) => b.Scalar(a) - b;

    public static Tensor operator *(float a, Tensor b) => b.Scalar(a) * b;

    public static Tensor operator /(float a, Tensor b) => b.Scalar(a) / b;

    public static Tensor operator -(Tensor a) => a.Apply(UnaryFunction.Negate);

    public Tensor Exp() => Apply(UnaryFunction.Exp);

    public Tensor Log() => Apply(UnaryFunction.Log);

    public Tensor Sqrt() => Apply(UnaryFunction.Sqrt);

    public Tensor Reciprocal() => Apply(UnaryFunction.Reciprocal);

    public Tensor Abs() => Apply(UnaryFunction.Abs);

    public Tensor Sign() => Apply(UnaryFunction.Sign);

    public Tensor Sigmoid() => Apply(UnaryFunction.Sigmoid);

    /// <summary>log(1 + eˣ).</summary>
    public Tensor Softplus() => Apply(UnaryFunction.Softplus);

    public Tensor Tanh() => Apply(UnaryFunction.Tanh);

    public Tensor Erf() => Apply(UnaryFunction.Erf);

    public Tensor IsFinite() => Apply(UnaryFunction.IsFinite);

    public Tensor Maximum(Tensor other) => Apply(BinaryFunction.Maximum, this, other);

    public Tensor Maximum(float other) => Maximum(Scalar(other));

    /// <summary>1 where this is less than the other, else 0.</summary>
    public Tensor Less(Tensor other) => Apply(BinaryFunction.Less, this, other);

    public Tensor Less(float other) => Less(Scalar(other));

    /// <summary>Where this is not zero <paramref name="yes"/>, elsewhere <paramref name="no"/>.</summary>
    public Tensor Select(Tensor yes, Tensor no)
    {
        var shape = Common(Common(Shape, yes.Shape), no.Shape);
        return Node.Graph.Add(new Select(), [Repeat(shape), yes.Repeat(shape), no.Repeat(shape)]);
    }

    public Tensor Select(float yes, Tensor no) => Select(Scalar(yes), no);

    public Tensor Select(Tensor yes, float no) => Select(yes, Scalar(no));

    public Tensor Reshape(Shape shape) => shape.Equals(Shape) ? this : Add(new Reshape(shape), this);

    public Tensor Reshape(params ReadOnlySpan<int> extents) => Reshape(new Shape(extents));

    public Tensor Permute(params ReadOnlySpan<int> axes) => Add(new Permute(axes), this);

    public Tensor Slice(int axis, int start, int length)
    {
        axis = Shape.Axis(axis);
        return start == 0 && length == Shape[axis] ? this : Add(new Slice(axis, start, length), this);
    }

    public Tensor Pad(int axis, int before, int after)
    {
        axis = Shape.Axis(axis);
        return before == 0 && after == 0 ? this : Add(new Pad(axis, before, after), this);
    }

    /// <summary>Repeats axes of extent 1; the rank stays.</summary>
    public Tensor BroadcastTo(Shape shape) => shape.Equals(Shape) ? this : Add(new Broadcast(shape), this);

    public static Tensor Concat(int axis, params IReadOnlyList<Tensor> parts) =>
        parts.Count == 1 ? parts[0] : parts[0].Node.Graph.Add(new Concat(parts[0].Shape.Axis(axis)), parts);

    /// <summary>Sum over axes, which remain with extent 1.</summary>
    public Tensor Sum(params ReadOnlySpan<int> axes)
    {
        var resolved = axes.ToArray().Select(a => Shape.Axis(a)).Where(a => Shape[a] > 1).ToArray();
        return resolved.Length == 0 ? this : Add(new Sum(resolved), this);
    }

    /// <summary>Sum of all elements, a scalar.</summary>
    public Tensor SumAll()
    {
        var flat = Reshape((int)Shape.Count);
        return flat.Sum(0).Reshape(Shape.Scalar);
    }

    /// <summary>The sum of the squares of all elements of all tensors, a scalar.</summary>
    public static Tensor SumOfSquares(IReadOnlyList<Tensor> tensors) => tensors[0].Node.Graph.Add(new SumOfSquares(), tensors);

    /// <summary>Matrix product op(this) · op(other), where op transposes or not.</summary>
    public Tensor MatMul(Tensor other, bool transposeThis = false, bool transposeOther = false) =>
        Node.Graph.Add(new MatMul(transposeThis, transposeOther), [this, other]);

    /// <summary>op(this) · op(other) of every pair of matrices: the first axis counts them.</summary>
    public Tensor BatchMatMul(Tensor other, bool transposeThis = false, bool transposeOther = false) =>
        Node.Graph.Add(new BatchMatMul(transposeThis, transposeOther), [this, other]);

    /// <summary>y = x Wᵀ over the last axis of any tensor; W is [out, in].</summary>
    public Tensor Linear(Tensor weight)
    {
        var y = Flatten().MatMul(weight, false, true);
        return y.Reshape(Shape.With(-1, weight.Shape[0]));
    }

    /// <summary>All axes but the last as one.</summary>
    public Tensor Flatten() => Reshape((int)(Shape.Count / Shape[-1]), Shape[-1]);

    public Tensor GatherRows(Tensor index) => Node.Graph.Add(new GatherRows(), [this, index]);

    public Tensor ScatterRows(Tensor index, int rows) => Node.Graph.Add(new ScatterRows(rows), [this, index]);

    public Tensor ReplaceRows(Tensor rows, Tensor index) => Node.Graph.Add(new ReplaceRows(), [this, rows, index]);

    /// <summary>i32 to f32.</summary>
    public Tensor ToFloat() => Add(new ConvertToFloat(), this);

    /// <summary>The same value, through which no gradient flows.</summary>
    public Tensor Detach() => Add(new Detach(), this);

    private static Tensor Apply(BinaryFunction function, Tensor a, Tensor b)
    {
        var shape = Common(a.Shape, b.Shape);
        return a.Node.Graph.Add(new Binary(function), [a.Repeat(shape), b.Repeat(shape)]);
    }

    private static Tensor Add(Op op, Tensor input) => input.Node.Graph.Add(op, [input]);

    private static Shape Common(Shape a, Shape b)
    {
        if (a.Equals(b))
        {
            return a;
        }

        var extents = new int[Math.Max(a.Rank, b.Rank)];
        for (var i = 1; i <= extents.Length; i++)
        {
            var x = i <= a.Rank ? a[-i] : 1;
            var y = i <= b.Rank ? b[-i] : 1;
            extents[^i] = x == y || y == 1 ? x : x == 1 ? y : throw new GraphException($"the shapes {a} and {b} do not fit");
        }

        return new Shape(extents);
    }

    private Tensor Apply(UnaryFunction function) => Add(new Unary(function), this);

    private Tensor Scalar(float value) => Node.Graph.Constant(value);

    private Tensor Repeat(Shape shape)
    {
        if (Shape.Equals(shape))
        {
            return this;
        }

        var aligned = new int[shape.Rank];
        Array.Fill(aligned, 1);
        Shape.Extents.CopyTo(aligned.AsSpan(shape.Rank - Shape.Rank));
        return Reshape(new Shape(aligned)).BroadcastTo(shape);
    }
}
