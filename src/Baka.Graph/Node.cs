namespace Baka.Graph;

/// <summary>One application of an <see cref="Op"/> to tensors, with the name of the module that made it.</summary>
public sealed class Node
{
    internal Node(TensorGraph graph, int id, string module, bool isBackward, Op op, IReadOnlyList<Tensor> inputs, IReadOnlyList<TensorSpec> outputs)
    {
        Graph = graph;
        Id = id;
        Module = module;
        IsBackward = isBackward;
        Op = op;
        Inputs = inputs;
        Outputs = outputs.Select((spec, i) => new Tensor(this, i, spec)).ToArray();
    }

    public TensorGraph Graph { get; }

    /// <summary>Position in the graph's topological order.</summary>
    public int Id { get; }

    /// <summary>Path of the module that made the node, such as <c>layers.0.attn</c>.</summary>
    public string Module { get; }

    /// <summary>Whether the node belongs to the gradient rather than to the function itself.</summary>
    public bool IsBackward { get; }

    public Op Op { get; }

    public IReadOnlyList<Tensor> Inputs { get; }

    public IReadOnlyList<Tensor> Outputs { get; }

    public override string ToString() => Module.Length == 0 ? Op.Kind : $"{Module}/{Op.Kind}";
}
