using System.Collections.Immutable;
using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

/// <summary>Sum over some axes, which remain with extent 1.</summary>
public sealed record Sum : Op
{
    public Sum(ReadOnlySpan<int> axes) => Axes = [.. axes.ToArray().Order()];

    public ImmutableArray<int> Axes { get; }

    public bool Equals(Sum? other) => other is not null && Axes.AsSpan().SequenceEqual(other.Axes.AsSpan());

    public override int GetHashCode() => Axes.Aggregate(19, HashCode.Combine);

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs)
    {
        var shape = inputs[0].Shape;
        foreach (var axis in Axes)
        {
            shape = shape.With(axis, 1);
        }

        return [inputs[0] with { Shape = shape }];
    }

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context) => [context.Upstream.BroadcastTo(context.Input(0).Shape)];

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => inputs[0].Shape.Count;

    public override void Evaluate(Evaluation evaluation)
    {
        var shape = evaluation.InShape(0);
        var strides = evaluation.OutShape(0).DenseStrides();
        var sums = new double[evaluation.Floats(0).Length];
        var index = new int[shape.Rank];
        foreach (var x in evaluation.In(0))
        {
            sums[index.Select((at, i) => Axes.Contains(i) ? 0 : at * strides[i]).Sum()] += x;
            Indices.Advance(index, shape);
        }

        for (var i = 0; i < sums.Length; i++)
        {
            evaluation.Floats(0)[i] = (float)sums[i];
        }
    }
}
