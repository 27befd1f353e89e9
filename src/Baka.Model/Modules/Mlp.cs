using Baka.Graph;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>The maps of an MLP, which several layers may share.</summary>
internal sealed class MlpMaps : Module
{
    public MlpMaps(string name, int width, int hidden)
        : base(name)
    {
        (Width, Hidden) = (width, hidden);
        Gate = Part(new Linear(Path("gate"), width, hidden));
        Up = Part(new Linear(Path("up"), width, hidden));
        Down = Part(new Linear(Path("down"), hidden, width));
    }

    /// <summary>d.</summary>
    public int Width { get; }

    /// <summary>F.</summary>
    public int Hidden { get; }

    public Linear Gate { get; }

    public Linear Up { get; }

    public Linear Down { get; }
}

/// <summary>down(up(n) ⊙ act(gate(n))), each map perhaps with something of low rank added.</summary>
internal sealed class Mlp : Module
{
    private readonly MlpRecipe _recipe;
    private readonly MlpMaps _maps;
    private readonly Lora? _gate;
    private readonly Lora? _up;
    private readonly Lora? _down;

    public Mlp(string name, MlpMaps maps, MlpRecipe recipe)
        : base(name)
    {
        (_recipe, _maps) = (recipe, Part(maps));
        if (recipe.Lora > 0)
        {
            _gate = Part(new Lora(Path("lora.gate"), maps.Width, maps.Hidden, recipe.Lora));
            _up = Part(new Lora(Path("lora.up"), maps.Width, maps.Hidden, recipe.Lora));
            _down = Part(new Lora(Path("lora.down"), maps.Hidden, maps.Width, recipe.Lora));
        }
    }

    /// <summary>n [.., d] → [.., d].</summary>
    public Tensor Apply(Tensor n)
    {
        using var scope = Scope(n.Node.Graph);
        return Map(_maps.Down, _down, Map(_maps.Up, _up, n) * Activate(Map(_maps.Gate, _gate, n)));
    }

    private static Tensor Map(Linear map, Lora? lora, Tensor x) => lora is null ? map.Apply(x) : map.Apply(x) + lora.Apply(x);

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
