namespace Baka.Model.Recipes;

/// <summary>The gated MLP: down(up(n) ⊙ act(gate(n))).</summary>
public sealed record MlpRecipe : IRecipeRules
{
    [Key("hidden width F; 0 = no MLP", Min = 0)]
    public int Hidden { get; init; } = 512;

    [Key("activation of the gate")]
    public MlpActivation Act { get; init; } = MlpActivation.Elephant;

    [Key("a letter for every layer, such as aabb: layers with the same letter share the maps of one MLP; null = each has its own")]
    public string? Share { get; init; }

    [Key("rank of what every layer adds to gate, up and down by maps of its own (LoRA, arXiv 2106.09685); 0 = none", Min = 0)]
    public int Lora { get; init; }

    [Key("Elephant activation")]
    public ElephantRecipe Elephant { get; init; } = new();

    /// <summary>The first of the layers that use the same maps as a given one.</summary>
    internal int Owner(int layer) => Share is null ? layer : Share.IndexOf(Share[layer], StringComparison.Ordinal);

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        var model = recipe.Model;
        var layers = Enumerable.Range(0, model.Layers.Count).Select(model.OfLayer).ToArray();
        if (Lora > 0 && layers.All(l => l.Mlp.Hidden == 0))
            yield return $"mlp.lora is {Lora}, but no layer has an MLP: set mlp.hidden or leave out mlp.lora";
        if (Share is not null && Share.Length != layers.Length)
            yield return $"mlp.share '{Share}' has {Share.Length} letters, but there are {layers.Length} layers: write one for each";
        else if (Share is not null)
            for (var i = 0; i < layers.Length; i++)
                if (layers[Owner(i)] is var owner && (owner.Dim, owner.Mlp.Hidden) != (layers[i].Dim, layers[i].Mlp.Hidden))
                    yield return $"mlp.share '{Share}' gives layers {Owner(i)} and {i} one MLP, but theirs are {owner.Dim} × {owner.Mlp.Hidden} and {layers[i].Dim} × {layers[i].Mlp.Hidden}: give them different letters";
    }
}

public enum MlpActivation { Elephant, Silu, Gelu, Relu, Sigmoid }

/// <summary>Shape of the MLP's elephant activation 1 / (1 + |x/a|^p) (arXiv 2310.01365).</summary>
public sealed record ElephantRecipe
{
    [Key("half of its width", Above = 0)]
    public double A { get; init; } = 1;

    [Key("steepness of its sides", Above = 0)]
    public double P { get; init; } = 8;
}
