namespace Baka.Model.Recipes;

/// <summary>The model: its size, and one section for each technique.</summary>
public sealed record ModelRecipe : IRecipeRules
{
    [Key("number of layers, or groups of layers that are alike, from the first to the last", Min = 1, Max = 1000)]
    public LayerGroups Layers { get; init; } = 4;

    [Key("model width d; with fan-out that of the first layer", Min = 1)]
    public int Dim { get; init; } = 128;

    [Key("attention heads, each of width dim / heads", Min = 1)]
    public int Heads { get; init; } = 4;

    [Key("number of token ids", Min = 2)]
    public int Vocabulary { get; init; } = 4096;

    [Key("tokens of a document read at once", Min = 1)]
    public int Window { get; init; } = 64;

    [Key("the output map is the embedding itself")]
    public bool Tie { get; init; }

    [Key("Fan-out: layers that grow")]
    public FanoutRecipe Fanout { get; init; } = new();

    [Key("Normalization")]
    public NormRecipe Norm { get; init; } = new();

    [Key("Attention")]
    public AttentionRecipe Attn { get; init; } = new();

    [Key("Rotary positions")]
    public RopeRecipe Rope { get; init; } = new();

    [Key("MLP")]
    public MlpRecipe Mlp { get; init; } = new();

    [Key("XL: attending to past windows")]
    public XlRecipe Xl { get; init; } = new();

    [Key("Pauses")]
    public PauseRecipe Pause { get; init; } = new();

    [Key("Recurrent memory (RMT)")]
    public MemoryRecipe Memory { get; init; } = new();

    [Key("Learned slots in front of every window (Memory Transformer)", Name = "memtransformer")]
    public MemTransformerRecipe MemTransformer { get; init; } = new();

    [Key("State vectors updated once a window (Block-Recurrent Transformer)")]
    public RecurrenceRecipe Recurrence { get; init; } = new();

    [Key("StepForward")]
    public StepRecipe Step { get; init; } = new();

    [Key("Gates")]
    public GateRecipe Gate { get; init; } = new();

    [Key("Mega")]
    public MegaRecipe Mega { get; init; } = new();

    [Key("Mamba")]
    public MambaRecipe Mamba { get; init; } = new();

    /// <summary>The recipe as one layer sees it: with its own width and that of its MLP.</summary>
    public ModelRecipe OfLayer(int layer) => this with
    {
        Dim = Dim + layer * Fanout.Step,
        Mlp = Mlp with { Hidden = Layers[layer].Hidden ?? Mlp.Hidden },
    };

    IEnumerable<string> IRecipeRules.Conflicts(Recipe recipe)
    {
        if (Dim % Heads != 0)
            yield return $"dim {Dim} is not divisible by heads {Heads}: change one of them";
        else if (Dim / Heads % 2 != 0)
            yield return $"a head is {Dim / Heads} wide (dim {Dim} / heads {Heads}), but rotary positions turn pairs: make it even";
    }
}
