using Baka.Graph;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>The rows of E for tokens, and one learned vector for every pause (arXiv 2310.02226).</summary>
internal sealed class Embedding : Module
{
    private readonly ParameterSpec? _pause;
    private readonly int _width;

    public Embedding(ModelRecipe recipe)
        : base("")
    {
        _width = recipe.Dim;
        Table = Learn("embed.weight", new Shape(recipe.Vocabulary, _width), Initialization.Normal(1));
        _pause = recipe.Pause.Count == 0 ? null : Learn("pause.weight", new Shape(_width), Initialization.Normal(1));
    }

    /// <summary>E [V, d].</summary>
    public ParameterSpec Table { get; }

    protected override string LocalName => "embed";

    /// <summary>i32 [n], −1 for a pause → [n, d].</summary>
    public Tensor Apply(Tensor ids)
    {
        var graph = ids.Node.Graph;
        using var scope = Scope(graph);
        var rows = Table.In(graph).GatherRows(ids);
        return _pause is null ? rows : ids.ToFloat().Less(0f).Reshape(ids.Shape[0], 1).Select(_pause.In(graph), rows);
    }
}
