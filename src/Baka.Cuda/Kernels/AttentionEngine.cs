using Baka.Compiler.Plans;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>How the products of attention are done on tensor cores, and with that how tiles lie in shared memory.</summary>
/// <param name="Files">Hold the products.</param>
/// <param name="TileBytes">Of a tile of 64 rows.</param>
/// <param name="Slack">Bytes that may be lost in front of the first tile.</param>
/// <param name="Forward">How the forward kernel is cut.</param>
/// <param name="QueryGradient">Likewise that for dq.</param>
/// <param name="KeyGradient">Likewise that for dk and dv, or null where Hopper's warpgroups do it.</param>
internal sealed record AttentionEngine(
    IReadOnlyList<string> Files,
    int TileBytes,
    int Slack,
    AttentionEngine.Cut Forward,
    AttentionEngine.Cut QueryGradient,
    AttentionEngine.Cut? KeyGradient)
{
    /// <summary>Rows of a tile in shared memory.</summary>
    public const int Tile = 64;

    // No other GPU has products of groups of warps in this form.
    private const int Hopper = 9;

    // Registers hold the results of no wider heads.
    private const int WidestHead = 128;

    // Of each query of a tile the kernel for dk and dv holds four numbers besides the vectors.
    private const int QueryBytes = 16;

    // What the kernels' own shared variables take at most.
    private const int StaticBytes = 6 << 10;

    /// <summary>
    /// The engine for queries of an element, or null where tensor cores don't suit them or their heads, whose pairs must be
    /// whole, or tiles find no room in shared memory.
    /// </summary>
    public static AttentionEngine? For(Element query, AttentionShape shape, DeviceProfile device) =>
        query != Element.BFloat16 || shape.HeadWidth > WidestHead || shape.HeadWidth % 2 != 0 ? null
        : shape.PaddedWidth >= Tile && device.Major == Hopper ? OfGroups(shape.PaddedWidth)
        : OfWarps(shape.PaddedWidth).FirstOrDefault(engine => engine.FindsRoom(device.SharedBytesPerBlock - StaticBytes));

    /// <summary>Bytes of dynamic shared memory of a block: its queries, a ring of keys and values.</summary>
    public int ForwardBytes => Slack + TileBytes * (Forward.Rows / Tile + 2 * Forward.Stages);

    /// <summary>Likewise for dq: queries and upstream gradients, the ring.</summary>
    public int QueryGradientBytes => GradientBytes(QueryGradient);

    /// <summary>Likewise for dk and dv: keys and values, a ring of queries with what belongs to them.</summary>
    public int KeyGradientBytes => KeyGradient is { } cut ? GradientBytes(cut) + cut.Stages * Tile * QueryBytes : 0;

    /// <summary>Groups of 4 warps multiply together; rows of heads are whole pieces of 128 bytes.</summary>
    private static AttentionEngine OfGroups(int width)
    {
        // Two blocks are better than a third stage, but the widest heads' results leave through three.
        var (narrow, widest) = (width <= 64, width > 112);
        return new AttentionEngine(
            ["Hopper.cuh", "AttentionPlaces.cu", "AttentionGroups.cu"], Tile * (narrow ? 1 : 2) * 128, 1024,
            new Cut(Fragments: 1, Warps: 8, Blocks: widest ? 1 : 2, Stages: narrow || widest ? 3 : 2),
            new Cut(Fragments: 1, Warps: 4, Blocks: narrow ? 3 : 2, Stages: 2),
            KeyGradient: null);
    }

    /// <summary>Every warp multiplies by itself; rows are padded to keep them in different banks. The best first.</summary>
    private static IEnumerable<AttentionEngine> OfWarps(int width)
    {
        var narrow = width <= 64;
        Cut[] forward = narrow
            ? [new Cut(Fragments: 2, Warps: 4, Blocks: 2, Stages: 3)]
            : [new Cut(Fragments: 1, Warps: 8, Blocks: 1, Stages: 3), new Cut(Fragments: 1, Warps: 8, Blocks: 1, Stages: 2)];
        return forward.Select(cut => new AttentionEngine(
            ["AttentionWarps.cu"], Tile * (width + 8) * 2, 0, cut,
            new Cut(Fragments: 1, Warps: 4, Blocks: narrow ? 3 : 2, Stages: 2),
            new Cut(Fragments: 1, Warps: 4, Blocks: 2, Stages: 2)));
    }

    private bool FindsRoom(int bytes) => ForwardBytes <= bytes && QueryGradientBytes <= bytes && KeyGradientBytes <= bytes;

    private int GradientBytes(Cut cut) => Slack + TileBytes * 2 * (cut.Rows / Tile + cut.Stages);

    /// <summary>How the work of a kernel is cut.</summary>
    /// <param name="Fragments">Pieces of 16 rows that a warp does at a time.</param>
    /// <param name="Warps">Of a block, a multiple of 4.</param>
    /// <param name="Blocks">That a multiprocessor shall hold at least, which limits their registers.</param>
    /// <param name="Stages">Pairs of tiles in shared memory, of which all but one are being loaded.</param>
    public sealed record Cut(int Fragments, int Warps, int Blocks, int Stages)
    {
        public int Threads => Warps * 32;

        /// <summary>Rows of a block.</summary>
        public int Rows => Warps * Fragments * 16;

        public IEnumerable<(string Name, object Value)> Defines() =>
            [("FRAGMENTS", Fragments), ("WARPS", Warps), ("BLOCKS", Blocks), ("STAGES", Stages)];
    }
}
