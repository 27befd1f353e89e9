using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

/// <summary>An op that maps equal-shaped f32 tensors element by element. Any connected group of these can be one kernel.</summary>
public abstract record Elementwise : Op
{
    public abstract int Arity { get; }

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        Require(inputs.Count == Arity, $"takes {Arity} operands, not {inputs.Count}");
        foreach (var input in inputs)
        {
            Require(input.Type == DType.Float32, $"works on f32, not on {input}");
            Require(input.Shape.Equals(inputs[0].Shape), $"the shapes {inputs[0].Shape} and {input.Shape} differ");
        }

        return [inputs[0]];
    }
}

public enum UnaryFunction
{
    Negate,
    Exp,
    Log,
    Sqrt,
    Reciprocal,
    Abs,
    Sign,
    Sigmoid,

    /// <summary>log(1 + eˣ).</summary>
    Softplus,
    Tanh,
    Erf,

    /// <summary>1 where the argument is neither infinite nor NaN, else 0.</summary>
    IsFinite,
}

/// <summary>y = f(x).</summary>
public sealed record Unary(UnaryFunction Function) : Elementwise
{
    public override string Kind => Function.ToString();

    public override int Arity => 1;

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context)
    {
        var dy = context.Upstream;
        var x = context.Input(0);
        var y = context.Output();
        return [Function switch
        {
            UnaryFunction.Negate => -dy,
            UnaryFunction.Exp => dy * y,
            UnaryFunction.Log => dy / x,
            UnaryFunction.Sqrt => dy * 0.5f / y,
            UnaryFunction.Reciprocal => -(dy * y * y),
            UnaryFunction.Abs => dy * x.Sign(),
            UnaryFunction.Sigmoid => dy * y * (1f - y),
            UnaryFunction.Softplus => dy * x.Sigmoid(),
            UnaryFunction.Tanh => dy * (1f - y * y),
            UnaryFunction.Erf => dy * (2f / MathF.Sqrt(MathF.PI)) * (-(x * x)).Exp(),
            UnaryFunction.Sign or UnaryFunction.IsFinite => null,
            _ => throw new GraphException($"{context.Node}: {Function} has no gradient rule"),
        }];
    }

    public override void Evaluate(Evaluation evaluation)
    {
        var x = evaluation.In(0);
        var y = evaluation.Floats(0);
        for (var i = 0; i < y.Length; i++)
        {
            y[i] = Apply(x[i]);
        }
    }

    private float Apply(float x) => Function switch
    {
        UnaryFunction.Negate => -x,
        UnaryFunction.Exp => MathF.Exp(x),
        UnaryFunction.Log => MathF.Log(x),
        UnaryFunction.Sqrt => MathF.Sqrt(x),
        UnaryFunction.Reciprocal => 1 / x,
        UnaryFunction.Abs => MathF.Abs(x),
        UnaryFunction.Sign => x > 0 ? 1 : x < 0 ? -1 : 0,
        UnaryFunction.Sigmoid => (float)(1 / (1 + Math.Exp(-x))),
        UnaryFunction.Softplus => (float)(Math.Max(x, 0) + Math.Log(1 + Math.Exp(-Math.Abs(x)))),
        UnaryFunction.Tanh => MathF.Tanh(x),
        UnaryFunction.Erf => ErrorFunction.Erf(x),
        UnaryFunction.IsFinite => float.IsFinite(x) ? 1 : 0,
        _ => throw new InvalidOperationException($"{Function} has no evaluation."),
    };
}

public enum BinaryFunction
{
    Add,
    Subtract,
    Multiply,
    Divide,
    Maximum,

    /// <summary>1 where the first operand is less than the second, else 0.</summary>
    Less,
}

/// <summary>z = f(x, y).</summary>
public sealed record Binary(BinaryFunction Function) : Elementwise
{
    public override string Kind => Function.ToString();

    public override int Arity => 2;

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context)
    {
        if (Function == BinaryFunction.Less)
        {
            return [null, null];
        }

        var dz = context.Upstream;
        var (x, y) = (context.Input(0), context.Input(1));
        return Function switch
        {
            BinaryFunction.Add => [dz, dz],
            BinaryFunction.Subtract => [dz, -dz],
            BinaryFunction.Multiply => [dz * y, dz * x],
            BinaryFunction.Divide => [dz / y, -(dz * context.Output() / y)],
            BinaryFunction.Maximum => [x.Less(y).Select(0f, dz), x.Less(y).Select(dz, 0f)],
            _ => throw new GraphException($"{context.Node}: {Function} has no gradient rule"),
        };
    }

    public override void Evaluate(Evaluation evaluation)
    {
        var (x, y, z) = (evaluation.In(0), evaluation.In(1), evaluation.Floats(0));
        for (var i = 0; i < z.Length; i++)
        {
            z[i] = Function switch
            {
                BinaryFunction.Add => x[i] + y[i],
                BinaryFunction.Subtract => x[i] - y[i],
                BinaryFunction.Multiply => x[i] * y[i],
                BinaryFunction.Divide => x[i] / y[i],
                BinaryFunction.Maximum => MathF.Max(x[i], y[i]),
                BinaryFunction.Less => x[i] < y[i] ? 1 : 0,
                _ => throw new InvalidOperationException($"{Function} has no evaluation."),
            };
        }
    }
}

/// <summary>y = condition ≠ 0 ? a : b, element by element. What is not chosen does not matter, not even NaN.</summary>
public sealed record Select : Elementwise
{
    public override int Arity => 3;

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context)
    {
        var condition = context.Input(0);
        return [null, condition.Select(context.Upstream, 0f), condition.Select(0f, context.Upstream)];
    }

    public override void Evaluate(Evaluation evaluation)
    {
        var (condition, a, b, y) = (evaluation.In(0), evaluation.In(1), evaluation.In(2), evaluation.Floats(0));
        for (var i = 0; i < y.Length; i++)
        {
            y[i] = condition[i] != 0 ? a[i] : b[i];
        }
    }
}
