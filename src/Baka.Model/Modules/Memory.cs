using Baka.Graph;
using Baka.Model.Modules.Solidifiers;
using Baka.Model.Passes;
using Baka.Model.Recipes;

namespace Baka.Model.Modules;

/// <summary>
/// RMT (arXiv 2207.06881): what the last layer gives at a window's write slots becomes, solidified, the read and write
/// blocks of the next. A document begins with the learned memory; its first read block is masked in attention.
/// </summary>
internal sealed class Memory : Module
{
    private readonly int _heads;
    private readonly int _margin;
    private readonly ParameterSpec _initial;
    private readonly SolidifierMap? _solidifier;
    private readonly Carried _written;

    public Memory(ModelRecipe recipe)
        : base("")
    {
        var (m, d) = (recipe.Memory.Tokens, recipe.Dim);
        (_heads, _margin) = (recipe.Heads, recipe.Memory.Margin);
        _initial = Learn("memory.weight", new Shape(m, d), Initialization.Normal(1));
        _solidifier = SolidifierMap.Of(recipe) is { } solidifier ? Part(solidifier) : null;
        _written = Carry("memory", m, d);
    }

    protected override string LocalName => "memory";

    /// <summary>The memory a window begins with, for its read and its write block: [B, m, d].</summary>
    public Tensor Begin(Pass pass)
    {
        using var scope = Scope(pass.Graph);
        var written = pass.Carry[_written];
        var initial = _initial.In(pass.Graph).Reshape([1, .. _initial.Shape.Extents]).BroadcastTo(written.Shape);
        var fresh = pass.Fresh.Reshape(pass.Rows, 1, 1);
        if (_solidifier is not null)
        {
            // Chosen before the map as well, so that what the row held for another document reaches no gradient.
            written = _solidifier.Apply(fresh.Select(initial, written));
        }

        return fresh.Select(initial, WithMargin(written, initial));
    }

    /// <summary>
    /// Keeps what the window wrote: x [N, width] of the last layer, whose last m slots of each row are the write block.
    /// Where that is wider than memory, the first values of every head are kept.
    /// </summary>
    public void End(Pass pass, Tensor x)
    {
        var (m, d) = (_initial.Shape[0], _initial.Shape[1]);
        pass.Carry[_written] = pass.ByRow(x).Slice(1, pass.Slots - m, m).NarrowHeads(_heads, d);
    }

    private Tensor WithMargin(Tensor written, Tensor initial)
    {
        var m = _initial.Shape[0];
        return _margin == 0
            ? written
            : Tensor.Concat(1, initial.Slice(1, 0, _margin), written.Slice(1, _margin, m - 2 * _margin), initial.Slice(1, m - _margin, _margin));
    }
}
