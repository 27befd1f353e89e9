using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>What the kernel for dq leaves for the one for dk and dv, by tiles of 64 queries of a head, padded to whole blocks.</summary>
/// <param name="Tiles">How many.</param>
/// <param name="Turned">bf16 [B, h, tiles · 64, width], turned queries with the factor log₂(e) / √f.</param>
/// <param name="Upstream">The gradient of o likewise, or as it lies.</param>
/// <param name="Moments">f32 [B, h, tiles · 128], log₂(e) times the log-sum-exp, and delta.</param>
/// <param name="Ranges">i32 [B, tiles · 64, 2], the slots that take a gradient from a query.</param>
/// <param name="Sights">i32 [B, tiles, 4], those of all queries of a tile.</param>
internal sealed record AttentionLeft(int Tiles, View Turned, View Upstream, View Moments, View Ranges, View Sights)
{
    /// <param name="width">Columns of a vector.</param>
    /// <param name="upstream">The gradient of o where it can be read as it lies.</param>
    public static AttentionLeft Of(AttentionShape shape, int tiles, int width, View? upstream, LoweringContext context)
    {
        var rows = tiles * AttentionEngine.Tile;
        View Vectors() => context.Scratch(Element.BFloat16, shape.Batch, shape.Heads, rows, width);
        return new AttentionLeft(
            tiles,
            Vectors(),
            upstream ?? Vectors(),
            context.Scratch(Element.Float32, shape.Batch, shape.Heads, rows, 2),
            context.Scratch(Element.Int32, shape.Batch, rows, 2),
            context.Scratch(Element.Int32, shape.Batch, tiles, 4));
    }
}
