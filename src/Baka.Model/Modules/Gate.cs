using Baka.Graph;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>y ← y ⊙ fn(G z), where z is the branch's input, its output or the difference of the two.</summary>
internal sealed class Gate : Module
{
    private readonly GateRecipe _recipe;
    private readonly ParameterSpec _map;

    public Gate(string name, int width, GateRecipe recipe)
        : base(name)
    {
        _recipe = recipe;
        _map = Learn("weight", new Shape(width, width), Initialization.Linear(width));
    }

    protected override string LocalName => Name[Name.LastIndexOf("gates.", StringComparison.Ordinal)..];

    /// <summary>The gated output of a branch with normed input n: n, y [.., d] → [.., d].</summary>
    public Tensor Apply(Tensor n, Tensor y)
    {
        using var scope = Scope(y.Node.Graph);
        var z = _recipe.On switch
        {
            GateSource.Input => n,
            GateSource.Output => y,
            GateSource.Difference => y - n,
            GateSource.NegDifference => n - y,
            _ => throw new GraphException($"a gate on {_recipe.On} is not known"),
        };
        return y * Open(z.Linear(_map.In(y.Node.Graph)));
    }

    private Tensor Open(Tensor z) => _recipe.Fn switch
    {
        GateFunction.Relu => z.Relu(),
        GateFunction.Sigmoid => z.Sigmoid(),
        GateFunction.LeakyRelu => z.LeakyRelu(),
        GateFunction.Silu => z.Silu(),
        GateFunction.Tanh => z.Tanh(),
        GateFunction.Elephant => z.Elephant(),
        _ => throw new GraphException($"the gate function {_recipe.Fn} is not known"),
    };
}
