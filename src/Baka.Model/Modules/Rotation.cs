using Baka.Graph;
using Baka.Model.Passes;

namespace Baka.Model.Modules;

/// <summary>
/// Rotary positions (arXiv 2104.09864) that attention itself does not know: every window's slots are turned by the angles
/// of its <see cref="SlotLayout.Offset"/>, where wanted also by those of their places in the window. Turns add up, so what
/// is turned here may be turned further by its place in the key stream.
/// </summary>
internal sealed class Rotation(int heads, int headWidth, bool bySlots)
{
    /// <summary>x [N, h·f] → [N, h·f]; pairs (2i, 2i + 1) of a head are turned.</summary>
    public Tensor Apply(Tensor x, Pass pass)
    {
        var (windows, pairs) = (pass.Rows * pass.Windows, headWidth / 2);
        var (cos, sin) = Split(pass.WindowTurn(pairs).Reshape(windows, 1, 1, 2 * pairs, 1));
        if (bySlots)
        {
            var (c, s) = Split(pass.SlotTurn(pairs).Reshape(1, pass.Slots, 1, 2 * pairs, 1));
            (cos, sin) = (cos * c - sin * s, sin * c + cos * s);
        }

        var both = x.Reshape(windows, pass.Slots, heads, pairs, 2);
        var (even, odd) = (both.Slice(4, 0, 1), both.Slice(4, 1, 1));
        return Tensor.Concat(4, even * cos - odd * sin, even * sin + odd * cos).Reshape(x.Shape);
    }

    private static (Tensor Cos, Tensor Sin) Split(Tensor turn)
    {
        var pairs = turn.Shape[3] / 2;
        return (turn.Slice(3, 0, pairs), turn.Slice(3, pairs, pairs));
    }
}
