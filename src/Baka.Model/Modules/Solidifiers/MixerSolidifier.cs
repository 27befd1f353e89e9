using Baka.Graph;
using Baka.Model.Recipes;

namespace Baka.Model.Modules.Solidifiers;

/// <summary>
/// x + D·LayerNorm(M·LayerNorm(x)), where M [m, m] mixes the slots and D [d, d] the width (after MLP-Mixer,
/// arXiv 2105.01601); both maps begin a hundred times smaller than usual, so that memory begins nearly unchanged.
/// </summary>
internal sealed class MixerSolidifier : SolidifierMap
{
    private const float Scale = 0.01f;

    private readonly Norm _slotsNorm;
    private readonly Linear _slots;
    private readonly Norm _widthNorm;
    private readonly Linear _width;

    public MixerSolidifier(ModelRecipe recipe)
    {
        var (m, d) = (recipe.Memory.Tokens, recipe.Dim);
        _slotsNorm = Part(new Norm(Path("slots_norm"), NormKind.Layer, d));
        _slots = Part(new Linear(Path("slots"), m, m, Scale));
        _widthNorm = Part(new Norm(Path("width_norm"), NormKind.Layer, d));
        _width = Part(new Linear(Path("width"), d, d, Scale));
    }

    protected override Tensor Map(Tensor x)
    {
        var bySlot = _slotsNorm.Apply(x).Permute(0, 2, 1);
        var mixed = _slots.Apply(bySlot).Permute(0, 2, 1);
        return x + _width.Apply(_widthNorm.Apply(mixed));
    }
}
