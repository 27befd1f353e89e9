using Baka.Graph;
using Baka.Model.Recipes;

namespace Baka.Model.Modules.Solidifiers;

/// <summary>A map applied to the memory between windows.</summary>
internal abstract class SolidifierMap() : Module("memory.solidifier")
{
    /// <summary>x [B, m, d] → [B, m, d].</summary>
    public Tensor Apply(Tensor x)
    {
        using var scope = Scope(x.Node.Graph);
        return Map(x);
    }

    public static SolidifierMap? Of(ModelRecipe recipe) => recipe.Memory.Solidifier switch
    {
        Solidifier.None => null,
        Solidifier.Glu => new GluSolidifier(recipe.Dim, x => x.Sigmoid()),
        Solidifier.Gelephant => new GluSolidifier(recipe.Dim, x => x.Elephant()),
        Solidifier.Mlp => new MlpSolidifier(recipe),
        Solidifier.Mixer => new MixerSolidifier(recipe),
        var other => throw new GraphException($"memory: the solidifier {other} is not known"),
    };

    protected abstract Tensor Map(Tensor x);
}
