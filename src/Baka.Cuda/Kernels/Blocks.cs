namespace Baka.Cuda.Kernels;

/// <summary>Numbers of blocks.</summary>
internal static class Blocks
{
    public const int WarpSize = 32;

    /// <summary>Threads of blocks that need no other number.</summary>
    public const int Threads = 256;

    /// <summary>Blocks of <see cref="Threads"/> threads whose warps take a row each.</summary>
    public static int OfWarps(long rows) => Count(rows, Threads / WarpSize);

    /// <summary>How many blocks cover so many items.</summary>
    public static int Count(long items, int perBlock) => checked((int)((items + perBlock - 1) / perBlock));
}
