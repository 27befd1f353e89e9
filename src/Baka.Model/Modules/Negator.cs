using Baka.Graph;

namespace Baka.Model.Modules;

/// <summary>Against the conspiracy of small values: every head's x becomes [x ; c − x] with a learned scalar c.</summary>
internal sealed class Negator : Module
{
    private readonly int _heads;
    private readonly ParameterSpec _c;

    public Negator(string name, int heads)
        : base(name)
    {
        _heads = heads;
        _c = Learn("weight", new Shape(1), Initialization.Constant(1));
    }

    /// <summary>x [N, h·f] → [N, h·2f].</summary>
    public Tensor Apply(Tensor x)
    {
        using var scope = Scope(x.Node.Graph);
        var heads = x.Reshape(x.Shape[0], _heads, x.Shape[1] / _heads);
        return Tensor.Concat(2, heads, _c.In(x.Node.Graph) - heads).Reshape(x.Shape[0], 2 * x.Shape[1]);
    }
}
