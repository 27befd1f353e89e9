using Baka.Graph;

namespace Baka.Model.Modules;

/// <summary>Widths of tensors whose last axis is h heads, one after the other.</summary>
internal static class HeadWidths
{
    /// <summary>x [.., h·f] → [.., h·g], g ≥ f: zeros end every head.</summary>
    public static Tensor WidenHeads(this Tensor x, int heads, int width) =>
        x.Shape[-1] == width ? x : x.ByHead(heads).Pad(2, 0, (width - x.Shape[-1]) / heads).Reshape(x.Shape.With(-1, width));

    /// <summary>x [.., h·g] → [.., h·f], f ≤ g: the first values of every head.</summary>
    public static Tensor NarrowHeads(this Tensor x, int heads, int width) =>
        x.Shape[-1] == width ? x : x.ByHead(heads).Slice(2, 0, width / heads).Reshape(x.Shape.With(-1, width));

    private static Tensor ByHead(this Tensor x, int heads) => x.Reshape((int)(x.Shape.Count / x.Shape[-1]), heads, x.Shape[-1] / heads);
}
