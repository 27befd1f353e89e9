using Baka.Graph;
using Baka.Graph.Ops;

namespace Baka.Model.Modules;

/// <summary>
/// A permutation of every head's features, drawn once and for all: P^t turns slot t's features t times (PermuteFormer, arXiv
/// 2109.02377, section 3.2).
/// </summary>
/// <remarks>
/// Maps learn which feature is which, so only the lengths of a permutation's cycles matter: its features can be numbered so
/// that cycles lie one after the other. They are drawn as those of a permutation that is drawn uniformly: the cycle of the
/// first feature is as likely to have any length, and so is that of the first feature outside of it.
/// </remarks>
internal sealed class FeatureCycles
{
    private readonly int[] _first;
    private readonly int[] _length;

    public FeatureCycles(int heads, int width)
    {
        (_first, _length) = (new int[heads * width], new int[heads * width]);
        for (var head = 0; head < heads; head++)
        {
            // A head's own, whatever other heads there are.
            var state = (ulong)head;
            for (var begin = 0; begin < width;)
            {
                var length = 1 + (int)(SplitMix64.Next(ref state) % (ulong)(width - begin));
                Array.Fill(_first, begin, head * width + begin, length);
                Array.Fill(_length, length, head * width + begin, length);
                begin += length;
            }
        }
    }

    /// <summary>P^shift of x [B, h, T, f], for every slot its own shift.</summary>
    public Tensor Turn(Tensor x, ReadOnlySpan<int> shift) => Roll(x, shift, back: false);

    /// <summary>P^−shift of x.</summary>
    public Tensor TurnBack(Tensor x, ReadOnlySpan<int> shift) => Roll(x, shift, back: true);

    private Tensor Roll(Tensor x, ReadOnlySpan<int> shift, bool back)
    {
        var graph = x.Node.Graph;
        return graph.Add(new Roll(back), [x, graph.Constant(shift), graph.Constant(_first), graph.Constant(_length)]);
    }
}
