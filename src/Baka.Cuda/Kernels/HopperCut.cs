using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>How the work of an attention kernel of Hopper's warpgroups is cut.</summary>
/// <param name="Groups">Warpgroups that compute.</param>
/// <param name="Tile">Rows of a tile that they go over, a multiple of 16.</param>
/// <param name="Stages">Pairs of tiles in shared memory.</param>
/// <param name="LoadingRegisters">What a thread that loads keeps of the registers all threads have at first; the others share the rest.</param>
internal sealed record HopperCut(int Groups, int Tile, int Stages, int LoadingRegisters)
{
    /// <summary>Rows that a warpgroup computes, and of a tile of queries.</summary>
    public const int GroupRows = 64;

    private const int Registers = 65536;

    /// <summary>Rows of an item of work.</summary>
    public int Rows => Groups * GroupRows;

    private int Threads => (Groups + 1) * 128;

    private int AtFirst => Registers / Threads / 8 * 8;

    /// <summary>Bytes of barriers in shared memory: two for each stage, and others.</summary>
    public int Barriers(int ofItems) => (Stages * 2 + ofItems) * 8;

    /// <summary>A kernel from files, the last of which holds the function.</summary>
    public Kernel Kernel(string name, IEnumerable<(string Name, object Value)> defines, params IEnumerable<string> files) =>
        AttentionSources.Kernel(
            name, [.. defines, .. Defines()],
            ["Hopper.cuh", "Rope.cu", "AttentionColumns.cu", "AttentionWork.cu", "AttentionPlaces.cu", "AttentionSwizzled.cu", .. files]);

    /// <summary>As many blocks as there is room for take one item after the other.</summary>
    public Launch Launch(Kernel kernel, Grid items, int sharedBytes, LoweringContext context, IReadOnlyList<Argument> arguments) =>
        new(kernel, new Grid(Math.Min(items.X, context.Device.Multiprocessors)), Threads, sharedBytes, arguments);

    private IEnumerable<(string Name, object Value)> Defines() =>
    [
        ("GROUPS", Groups),
        ("TILE", Tile),
        ("STAGES", Stages),
        ("LOADING_REGISTERS", LoadingRegisters),
        ("COMPUTING_REGISTERS", ((Groups + 1) * AtFirst - LoadingRegisters) / Groups / 8 * 8),
    ];
}
