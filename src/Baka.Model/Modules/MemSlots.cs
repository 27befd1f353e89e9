using Baka.Graph;
using Baka.Model.Passes;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>The [mem] slots of the Memory Transformer (arXiv 2006.11527): learned vectors that begin every window.</summary>
internal sealed class MemSlots : Module
{
    private readonly ParameterSpec _vectors;

    public MemSlots(ModelRecipe recipe)
        : base("memtransformer") =>
        _vectors = Learn("weight", new Shape(recipe.MemTransformer.Tokens, recipe.Dim), Initialization.Normal(1));

    /// <summary>[B, windows, M, d].</summary>
    public Tensor Begin(Pass pass)
    {
        using var scope = Scope(pass.Graph);
        var (m, d) = (_vectors.Shape[0], _vectors.Shape[1]);
        return _vectors.In(pass.Graph).Reshape(1, 1, m, d).BroadcastTo(new Shape(pass.Rows, pass.Windows, m, d));
    }
}
