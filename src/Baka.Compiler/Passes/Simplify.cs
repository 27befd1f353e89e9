using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Compiler.Passes;

/// <summary>Drops nodes that do nothing and evaluates what is constant.</summary>
public sealed class Simplify : IPass
{
    public TensorGraph Run(TensorGraph graph) => graph.Rewrite((target, node, inputs) => Simpler(node.Op, inputs) is { } simpler ? [simpler] : target.Copy(node, inputs));

    private static Tensor? Simpler(Op op, IReadOnlyList<Tensor> inputs) => op switch
    {
        Detach => inputs[0],
        Reshape reshape => Reshaped(inputs[0], reshape.Shape),
        Broadcast broadcast when broadcast.Shape.Equals(inputs[0].Shape) => inputs[0],
        Slice slice => Sliced(inputs[0], slice),
        Concat concat => Whole(concat, inputs),
        Sum sum => Split(sum, inputs[0]),
        ScatterRows scatter => Placed(scatter, inputs[0], inputs[1]),
        Binary binary => Combined(binary.Function, inputs[0], inputs[1]),
        Unary unary when inputs[0].IsConstant(out var x) => Folded(unary.Function, x, inputs[0]),
        _ => null,
    };

    private static Tensor? Reshaped(Tensor input, Shape shape)
    {
        var source = input.BehindReshapes();
        return source.Shape.Equals(shape) ? source : source != input ? source.Reshape(shape) : null;
    }

    /// <summary>A slice of a join that is exactly one of the joined.</summary>
    private static Tensor? Sliced(Tensor input, Slice slice)
    {
        if (input.Node.Op is not Concat concat || concat.Axis != slice.Axis)
        {
            return null;
        }

        var start = 0;
        foreach (var part in input.Node.Inputs)
        {
            if (start == slice.Start && part.Shape[slice.Axis] == slice.Length)
            {
                return part;
            }

            start += part.Shape[slice.Axis];
        }

        return null;
    }

    /// <summary>A join of all slices of one tensor in their order.</summary>
    private static Tensor? Whole(Concat concat, IReadOnlyList<Tensor> parts)
    {
        if (parts.Count == 1)
        {
            return parts[0];
        }

        var source = parts[0].Node.Op is Slice ? parts[0].Node.Inputs[0] : null;
        var end = 0;
        foreach (var part in parts)
        {
            if (part.Node.Op is not Slice slice || part.Node.Inputs[0] != source || slice.Axis != concat.Axis || slice.Start != end)
            {
                return null;
            }

            end += slice.Length;
        }

        return end == source!.Shape[concat.Axis] ? source : null;
    }

    /// <summary>Kernels sum over neighboring axes: other sums go one run of axes after the other.</summary>
    private static Tensor? Split(Sum sum, Tensor input)
    {
        var run = sum.Axes.TakeWhile((axis, i) => axis == sum.Axes[0] + i).ToArray();
        return run.Length == sum.Axes.Length ? null : input.Sum(run).Sum([.. sum.Axes.Skip(run.Length)]);
    }

    /// <summary>Rows that go to known places, no two to the same, are rows that come from known places.</summary>
    private static Tensor? Placed(ScatterRows scatter, Tensor x, Tensor index)
    {
        if (index.Node.Op is not IntConstant { Values: var places })
        {
            return null;
        }

        var sources = new int[scatter.Rows];
        Array.Fill(sources, -1);
        for (var i = 0; i < places.Length; i++)
        {
            if (places[i] >= 0 && sources[places[i]] >= 0)
            {
                return null;
            }

            if (places[i] >= 0)
            {
                sources[places[i]] = i;
            }
        }

        return x.GatherRows(index.Node.Graph.Constant(sources));
    }

    private static Tensor? Combined(BinaryFunction function, Tensor x, Tensor y)
    {
        var (xKnown, yKnown) = (x.IsConstant(out var a), y.IsConstant(out var b));
        if (xKnown && yKnown)
        {
            float? folded = function switch
            {
                BinaryFunction.Add => a + b,
                BinaryFunction.Subtract => a - b,
                BinaryFunction.Multiply => a * b,
                BinaryFunction.Divide => a / b,
                _ => null,
            };
            return folded is { } value ? Filled(value, x) : null;
        }

        return function switch
        {
            BinaryFunction.Multiply when xKnown && a == 1 => y,
            BinaryFunction.Multiply or BinaryFunction.Divide when yKnown && b == 1 => x,
            BinaryFunction.Add when xKnown && a == 0 => y,
            BinaryFunction.Add or BinaryFunction.Subtract when yKnown && b == 0 => x,
            BinaryFunction.Add => Joined(x, y),
            _ => null,
        };
    }

    /// <summary>
    /// Sums of tensors that are zero but for a part, each elsewhere along one axis, are joins: the gradient of what is read in slices.
    /// </summary>
    private static Tensor? Joined(Tensor x, Tensor y)
    {
        if (Parts(x) is not { } some || Parts(y) is not { } others || some.Axis != others.Axis)
        {
            return null;
        }

        var (axis, end) = (some.Axis, 0);
        var joined = new List<Tensor>();
        foreach (var (start, part) in some.Parts.Concat(others.Parts).OrderBy(p => p.Start))
        {
            if (start < end)
            {
                return null;
            }

            Fill(start);
            joined.Add(part);
            end = start + part.Shape[axis];
        }

        Fill(x.Shape[axis]);
        return Tensor.Concat(axis, joined);

        void Fill(int to)
        {
            if (to > end)
            {
                joined.Add(Filled(0, x.Shape.With(axis, to - end), x.Node.Graph));
            }
        }
    }

    /// <summary>Where a tensor is not zero, if it is zero elsewhere along an axis.</summary>
    private static (int Axis, IEnumerable<(int Start, Tensor Part)> Parts)? Parts(Tensor x)
    {
        if (x.Node.Op is Pad pad)
        {
            return (pad.Axis, [(pad.Before, x.Node.Inputs[0])]);
        }

        if (x.Node.Op is not Concat concat)
        {
            return null;
        }

        var start = 0;
        var parts = new List<(int Start, Tensor Part)>();
        foreach (var part in x.Node.Inputs)
        {
            if (!(part.IsConstant(out var value) && value == 0))
            {
                parts.Add((start, part));
            }

            start += part.Shape[concat.Axis];
        }

        return (concat.Axis, parts);
    }

    private static Tensor? Folded(UnaryFunction function, float x, Tensor like) => function switch
    {
        UnaryFunction.Negate => Filled(-x, like),
        UnaryFunction.Reciprocal => Filled(1 / x, like),
        _ => null,
    };

    private static Tensor Filled(float value, Tensor like) => Filled(value, like.Shape, like.Node.Graph);

    private static Tensor Filled(float value, Shape shape, TensorGraph graph)
    {
        var ones = new int[shape.Rank];
        Array.Fill(ones, 1);
        return graph.Constant(value).Reshape(new Shape(ones)).BroadcastTo(shape);
    }
}
