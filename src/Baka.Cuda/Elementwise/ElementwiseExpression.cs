using System.Globalization;
using Baka.Cuda.Lowering;
using Baka.Graph.Ops;

namespace Baka.Cuda.Elementwise;

/// <summary>Elementwise ops as expressions of CUDA C++ over floats; named functions are those of <c>ElementwiseFunctions.cuh</c>.</summary>
internal static class ElementwiseExpression
{
    /// <param name="x">The operands: names or literals.</param>
    public static string Of(Baka.Graph.Ops.Elementwise op, params ReadOnlySpan<string> x) => op switch
    {
        Select => $"{x[0]} != 0.0f ? {x[1]} : {x[2]}",
        Unary { Function: var function } => function switch
        {
            UnaryFunction.Negate => $"-{x[0]}",
            UnaryFunction.Exp => $"exponential({x[0]})",
            UnaryFunction.Log => $"logarithm({x[0]})",
            UnaryFunction.Sqrt => $"sqrtf({x[0]})",
            UnaryFunction.Reciprocal => $"1.0f / {x[0]}",
            UnaryFunction.Abs => $"fabsf({x[0]})",
            UnaryFunction.Sign => $"sign({x[0]})",
            UnaryFunction.Sigmoid => $"sigmoid({x[0]})",
            UnaryFunction.Softplus => $"softplus({x[0]})",
            UnaryFunction.Tanh => $"hyperbolic_tangent({x[0]})",
            UnaryFunction.Erf => $"erff({x[0]})",
            UnaryFunction.IsFinite => $"is_finite({x[0]})",
            _ => throw new NotSupportedException($"The GPU has no code for {function}."),
        },
        Binary { Function: var function } => function switch
        {
            BinaryFunction.Add => $"{x[0]} + {x[1]}",
            BinaryFunction.Subtract => $"{x[0]} - {x[1]}",
            BinaryFunction.Multiply => $"{x[0]} * {x[1]}",
            BinaryFunction.Divide => $"{x[0]} / {x[1]}",
            BinaryFunction.Maximum => $"maximum({x[0]}, {x[1]})",
            BinaryFunction.Less => $"{x[0]} < {x[1]} ? 1.0f : 0.0f",
            _ => throw new NotSupportedException($"The GPU has no code for {function}."),
        },
        _ => throw new NotSupportedException($"The GPU has no code for {op.Kind}."),
    };

    /// <summary>Exactly this number: the shortest decimal that stands for it, its bits where there is none; in parentheses where it has a sign.</summary>
    public static string Number(float value)
    {
        if (!float.IsFinite(value))
        {
            return Kernel.Literal(value);
        }

        var digits = value.ToString("R", CultureInfo.InvariantCulture).ToLowerInvariant();
        var literal = digits.AsSpan().IndexOfAny('.', 'e') < 0 ? $"{digits}.0f" : $"{digits}f";
        return float.IsNegative(value) ? $"({literal})" : literal;
    }
}
