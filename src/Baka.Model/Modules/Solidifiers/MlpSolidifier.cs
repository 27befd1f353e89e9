using Baka.Graph;
using Baka.Model.Recipes;

namespace Baka.Model.Modules.Solidifiers;

/// <summary>An MLP shaped as the layers', with weights of its own.</summary>
internal sealed class MlpSolidifier : SolidifierMap
{
    private readonly Mlp _mlp;

    public MlpSolidifier(ModelRecipe recipe) => 
        _mlp = Part(new Mlp(Name, new MlpMaps(Name, recipe.Dim, recipe.Mlp.Hidden), recipe.Mlp with { Lora = 0 }));

    protected override Tensor Map(Tensor x) => _mlp.Apply(x);
}
