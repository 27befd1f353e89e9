using Baka.Graph;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>down(up(n) ⊙ act(gate(n))).</summary>
internal sealed class Mlp : Module
{
    private readonly MlpRecipe _recipe;
    private readonly Linear _gate;
    private readonly Linear _up;
    private readonly Linear _down;

    public Mlp(string name, int width, MlpRecipe recipe)
        : base(name)
    {
        _recipe = recipe;
        _gate = Part(new Linear(Path("gate"), width, recipe.Hidden));
        _up = Part(new Linear(Path("up"), width, recipe.Hidden));
        _down = Part(new Linear(Path("down"), recipe.Hidden, width));
    }

    /// <summary>n [.., d] → [.., d].</summary>
    public Tensor Apply(Tensor n)
    {
        using var scope = Scope(n.Node.Graph);
        return _down.Apply(_up.Apply(n) * Activate(_gate.Apply(n)));
    }

    private Tensor Activate(Tensor x) => _recipe.Act switch
    {
        MlpActivation.Elephant => x.Elephant(_recipe.Elephant.A, _recipe.Elephant.P),
        MlpActivation.Silu => x.Silu(),
        MlpActivation.Gelu => x.Gelu(),
        MlpActivation.Relu => x.Relu(),
        MlpActivation.Sigmoid => x.Sigmoid(),
        _ => throw new GraphException($"the activation {_recipe.Act} is not known"),
    };
}
