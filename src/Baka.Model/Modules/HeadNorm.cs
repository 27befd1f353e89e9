using Baka.Graph;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>A norm on queries or keys before they are rotated (arXiv 2010.04245): of each head, with one weight for all, or of the whole width.</summary>
internal sealed class HeadNorm : Module
{
    private readonly Norm _norm;
    private readonly int _groups;
    private readonly int _width;

    public HeadNorm(string name, AttentionRecipe recipe, int width, int heads)
        : base(name)
    {
        _groups = recipe.QkNormPer == QkNormSpan.Head ? heads : 1;
        _width = width / _groups;
        _norm = Part(new Norm(name, recipe.QkNorm == QkNorm.Layer ? NormKind.Layer : NormKind.Rms, _width));
    }

    /// <summary>x [N, width] → [N, width].</summary>
    public Tensor Apply(Tensor x) => _norm.Apply(x.Reshape(x.Shape[0] * _groups, _width)).Reshape(x.Shape);
}
