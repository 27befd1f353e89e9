using System.Collections.Immutable;
using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

/// <summary>An op that only moves elements: every element of the result is one of the operand's, or zero.</summary>
public abstract record Movement : Op
{
    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => 0;

    protected static void EvaluateByIndex(Evaluation evaluation, Func<int[], long> source)
    {
        var y = evaluation.Floats(0);
        var index = new int[evaluation.OutShape(0).Rank];
        for (var i = 0; i < y.Length; i++)
        {
            var from = source(index);
            y[i] = from < 0 ? 0 : evaluation.In(0)[from];
            Indices.Advance(index, evaluation.OutShape(0));
        }
    }
}

/// <summary>The same elements in the same order under another shape.</summary>
public sealed record Reshape(Shape Shape) : Movement
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        Require(inputs[0].Shape.Count == Shape.Count, $"{inputs[0].Shape} has {inputs[0].Shape.Count} elements and cannot become {Shape}");
        return [inputs[0] with { Shape = Shape }];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context) => [context.Upstream.Reshape(context.Input(0).Shape)];

    public override void Evaluate(Evaluation evaluation)
    {
        evaluation.In(0).CopyTo(evaluation.Floats(0), 0);
        evaluation.IntsIn(0).CopyTo(evaluation.Ints(0), 0);
    }
}

/// <summary>Axes in another order: axis i of the result is axis <c>Axes[i]</c> of the operand.</summary>
public sealed record Permute : Movement
{
    public Permute(ReadOnlySpan<int> axes) => Axes = [.. axes];

    public ImmutableArray<int> Axes { get; }

    /// <summary>The axes that put everything back.</summary>
    public int[] Inverse
    {
        get
        {
            var inverse = new int[Axes.Length];
            for (var i = 0; i < inverse.Length; i++)
            {
                inverse[Axes[i]] = i;
            }

            return inverse;
        }
    }

    public bool Equals(Permute? other) => other is not null && Axes.AsSpan().SequenceEqual(other.Axes.AsSpan());

    public override int GetHashCode() => Axes.Aggregate(17, HashCode.Combine);

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        var shape = inputs[0].Shape;
        Require(Axes.Order().SequenceEqual(Enumerable.Range(0, shape.Rank)), $"[{string.Join(", ", Axes)}] is no order of the axes of {shape}");
        return [inputs[0] with { Shape = new Shape([.. Axes.Select(a => shape[a])]) }];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context) => [context.Upstream.Permute(Inverse)];

    public override void Evaluate(Evaluation evaluation)
    {
        var strides = evaluation.InShape(0).DenseStrides();
        EvaluateByIndex(evaluation, index => index.Select((at, i) => at * strides[Axes[i]]).Sum());
    }
}

/// <summary>The part [Start, Start + Length) of one axis.</summary>
public sealed record Slice(int Axis, int Start, int Length) : Movement
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        var extent = inputs[0].Shape[Axis];
        Require(Start >= 0 && Length > 0 && Start + Length <= extent, $"[{Start}, {Start + Length}) does not lie in axis {Axis} of {inputs[0].Shape}");
        return [inputs[0] with { Shape = inputs[0].Shape.With(Axis, Length) }];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context) =>
        [context.Upstream.Pad(Axis, Start, context.Input(0).Shape[Axis] - Start - Length)];

    public override void Evaluate(Evaluation evaluation)
    {
        var strides = evaluation.InShape(0).DenseStrides();
        EvaluateByIndex(evaluation, index => index.Select((at, i) => (at + (i == Axis ? Start : 0)) * strides[i]).Sum());
    }
}

/// <summary>Zeros before and after the operand along one axis.</summary>
public sealed record Pad(int Axis, int Before, int After) : Movement
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        Require(Before >= 0 && After >= 0, $"cannot pad by {Before} and {After}");
        return [inputs[0] with { Shape = inputs[0].Shape.With(Axis, Before + inputs[0].Shape[Axis] + After) }];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context) =>
        [context.Upstream.Slice(Axis, Before, context.Input(0).Shape[Axis])];

    public override void Evaluate(Evaluation evaluation)
    {
        var shape = evaluation.InShape(0);
        var strides = shape.DenseStrides();
        EvaluateByIndex(evaluation, index =>
        {
            var at = index[Axis] - Before;
            return at < 0 || at >= shape[Axis] ? -1 : index.Select((a, i) => (i == Axis ? at : a) * strides[i]).Sum();
        });
    }
}

/// <summary>Axes of extent 1 repeated to a larger extent.</summary>
public sealed record Broadcast(Shape Shape) : Movement
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        var from = inputs[0].Shape;
        Require(from.Rank == Shape.Rank, $"{from} and {Shape} have different ranks");
        for (var i = 0; i < from.Rank; i++)
        {
            Require(from[i] == Shape[i] || from[i] == 1, $"{from} cannot be repeated to {Shape}");
        }

        return [inputs[0] with { Shape = Shape }];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context)
    {
        var from = context.Input(0).Shape;
        var repeated = Enumerable.Range(0, from.Rank).Where(i => from[i] != Shape[i]).ToArray();
        return [repeated.Length == 0 ? context.Upstream : context.Upstream.Sum(repeated)];
    }

    public override void Evaluate(Evaluation evaluation)
    {
        var from = evaluation.InShape(0);
        var strides = from.DenseStrides();
        EvaluateByIndex(evaluation, index => index.Select((at, i) => from[i] == 1 ? 0 : at * strides[i]).Sum());
    }
}

/// <summary>Operands one after the other along an axis.</summary>
public sealed record Concat(int Axis) : Movement
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        Require(inputs.Count > 0, "needs an operand");
        foreach (var input in inputs)
        {
            Require(input.Type == inputs[0].Type, $"cannot join {inputs[0]} and {input}");
            Require(input.Shape.Rank == inputs[0].Shape.Rank && input.Shape.With(Axis, 1).Equals(inputs[0].Shape.With(Axis, 1)), $"{inputs[0].Shape} and {input.Shape} do not fit along axis {Axis}");
        }

        return [inputs[0] with { Shape = inputs[0].Shape.With(Axis, inputs.Sum(i => i.Shape[Axis])) }];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context)
    {
        var gradients = new List<Tensor?>();
        var start = 0;
        for (var i = 0; i < context.Node.Inputs.Count; i++)
        {
            var length = context.Input(i).Shape[Axis];
            gradients.Add(context.Needed[i] ? context.Upstream.Slice(Axis, start, length) : null);
            start += length;
        }

        return gradients;
    }

    public override void Evaluate(Evaluation evaluation)
    {
        var (shape, start) = (evaluation.OutShape(0), 0);
        var outer = shape.Product(0, Axis);
        var inner = shape.Product(Axis + 1, shape.Rank);
        for (var i = 0; i < evaluation.InputCount; i++)
        {
            var length = evaluation.InShape(i)[Axis] * inner;
            for (var o = 0; o < outer; o++)
            {
                evaluation.In(i).AsSpan(o * length, length).CopyTo(evaluation.Floats(0).AsSpan(o * shape[Axis] * inner + start));
            }

            start += length;
        }
    }
}

/// <summary>Walks multi-dimensional indices in row-major order.</summary>
internal static class Indices
{
    public static void Advance(int[] index, Shape shape)
    {
        for (var axis = shape.Rank - 1; axis >= 0; axis--)
        {
            if (++index[axis] < shape[axis])
            {
                return;
            }

            index[axis] = 0;
        }
    }
}
