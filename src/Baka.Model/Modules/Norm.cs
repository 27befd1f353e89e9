using Baka.Graph;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>RMSNorm (arXiv 1910.07467) or LayerNorm without bias (arXiv 1607.06450) over the last axis, ε = 1e-6.</summary>
internal sealed class Norm : Module
{
    private const float Epsilon = 1e-6f;

    private readonly bool _centered;
    private readonly ParameterSpec _weight;

    public Norm(string name, NormKind kind, int width)
        : base(name)
    {
        _centered = kind == NormKind.Layer;
        _weight = Learn("weight", new Shape(width), Initialization.Constant(1));
    }

    /// <summary>x [.., width] → the same shape.</summary>
    public Tensor Apply(Tensor x)
    {
        var graph = x.Node.Graph;
        using var scope = Scope(graph);
        return graph.Add(new Graph.Ops.Norm(_centered, Epsilon), [x.Flatten(), _weight.In(graph)]).Reshape(x.Shape);
    }
}
