using Baka.Graph;

namespace Baka.Model.Modules;

/// <summary>y = x Wᵀ, W [outputs, inputs]; no bias.</summary>
internal sealed class Linear : Module
{
    private readonly ParameterSpec _weight;

    /// <param name="scale">Factor on the usual initial deviation.</param>
    public Linear(string name, int inputs, int outputs, float scale = 1)
        : base(name)
    {
        var usual = Initialization.Linear(inputs);
        _weight = Learn("weight", new Shape(outputs, inputs), usual with { Value = usual.Value * scale });
    }

    /// <summary>x [.., inputs] → [.., outputs].</summary>
    public Tensor Apply(Tensor x)
    {
        using var scope = Scope(x.Node.Graph);
        return x.Linear(_weight.In(x.Node.Graph));
    }
}
