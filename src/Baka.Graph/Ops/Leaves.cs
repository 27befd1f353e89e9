using System.Collections.Immutable;
using Baka.Graph.Reference;

namespace Baka.Graph.Ops;

public enum VariableKind
{
    /// <summary>Trained.</summary>
    Parameter,

    /// <summary>Belongs to training: sums of gradients.</summary>
    State,

    /// <summary>A running mean that the optimizer keeps for a parameter.</summary>
    Moment,

    /// <summary>What every row remembers: the first axis is the rows.</summary>
    Carry,
}

/// <summary>A node without inputs whose value comes from outside the graph.</summary>
public abstract record Leaf : Op
{
    public override bool IsPure => false;

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context) => [];

    public override long Flops(IReadOnlyList<TensorSpec> inputs, IReadOnlyList<TensorSpec> outputs) => 0;

    public override void Evaluate(Evaluation evaluation) =>
        throw new InvalidOperationException($"{Kind} has no value of its own: the interpreter provides it.");
}

/// <summary>A value given anew for every evaluation.</summary>
public sealed record Input(string Name, TensorSpec Spec) : Leaf
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs) => [Spec];
}

/// <summary>A value that lives on the device between evaluations.</summary>
public sealed record Variable(string Name, VariableKind VariableKind, Shape Shape) : Leaf
{
    /// <summary>The shape where the rows are split into groups, of which the graph sees one.</summary>
    public Shape OnDevice(int groups) => VariableKind == VariableKind.Carry ? Shape.With(0, groups * Shape[0]) : Shape;

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs) => [new(DType.Float32, Shape)];
}

/// <summary>A scalar known when the graph is built.</summary>
public sealed record Constant(float Value) : Op
{
    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs) => [new(DType.Float32, Shape.Scalar)];

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context) => [];

    public override void Evaluate(Evaluation evaluation) => evaluation.Floats(0)[0] = Value;
}

/// <summary>A vector of integers known when the graph is built.</summary>
public sealed record IntConstant : Op
{
    public IntConstant(ReadOnlySpan<int> values) => Values = [.. values];

    public ImmutableArray<int> Values { get; }

    public bool Equals(IntConstant? other) => other is not null && Values.AsSpan().SequenceEqual(other.Values.AsSpan());

    public override int GetHashCode()
    {
        var hash = new HashCode();
        foreach (var value in Values)
        {
            hash.Add(value);
        }

        return hash.ToHashCode();
    }

    public override IReadOnlyList<TensorSpec> Infer(IReadOnlyList<TensorSpec> inputs) => [new(DType.Int32, new Shape(Values.Length))];

    public override IReadOnlyList<Tensor?> Gradient(GradientContext context) => [];

    public override void Evaluate(Evaluation evaluation) => Values.CopyTo(evaluation.Ints(0));
}
