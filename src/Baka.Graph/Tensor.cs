namespace Baka.Graph;

/// <summary>A symbolic tensor: one output of a node. Operators and methods build further nodes in the same graph.</summary>
public sealed partial class Tensor
{
    internal Tensor(Node node, int index, TensorSpec spec)
    {
        Node = node;
        Index = index;
        Spec = spec;
    }

    public Node Node { get; }

    /// <summary>Which of the node's outputs this is.</summary>
    public int Index { get; }

    public TensorSpec Spec { get; }

    public Shape Shape => Spec.Shape;

    public DType Type => Spec.Type;

    public override string ToString() => Node.Outputs.Count == 1 ? $"{Node} {Spec}" : $"{Node}#{Index} {Spec}";
}
