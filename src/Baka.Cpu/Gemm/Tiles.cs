namespace Baka.Cpu.Gemm;

/// <summary>The tile kernels of one vector width, by height.</summary>
internal static unsafe class Tiles<TSimd, TVector>
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    /// <summary>Element <c>rows</c> is the kernel for that many rows (1 … <see cref="ISimd{TVector}.TileRows"/>).</summary>
    public static readonly delegate*<nint, float*, float*, nint, float*, nint, bool, void>[] ByHeight =
    [
        null,
        &Tile<TSimd, TVector, Height1>.Multiply,
        &Tile<TSimd, TVector, Height2>.Multiply,
        &Tile<TSimd, TVector, Height3>.Multiply,
        &Tile<TSimd, TVector, Height4>.Multiply,
        &Tile<TSimd, TVector, Height5>.Multiply,
        &Tile<TSimd, TVector, Height6>.Multiply,
        &Tile<TSimd, TVector, Height7>.Multiply,
        &Tile<TSimd, TVector, Height8>.Multiply,
        &Tile<TSimd, TVector, Height9>.Multiply,
        &Tile<TSimd, TVector, Height10>.Multiply,
        &Tile<TSimd, TVector, Height11>.Multiply,
        &Tile<TSimd, TVector, Height12>.Multiply,
    ];

    /// <summary>Element <c>rows</c> is the inner-product kernel for that many rows (1 … 4).</summary>
    public static readonly delegate*<int, int, float*, nint, float*, nint, float*, nint, bool, void>[] Dots =
    [
        null,
        &Dots<TSimd, TVector, Height1>.Multiply,
        &Dots<TSimd, TVector, Height2>.Multiply,
        &Dots<TSimd, TVector, Height3>.Multiply,
        &Dots<TSimd, TVector, Height4>.Multiply,
    ];

    private readonly struct Height1 : ITileHeight { public static int Rows => 1; }
    private readonly struct Height2 : ITileHeight { public static int Rows => 2; }
    private readonly struct Height3 : ITileHeight { public static int Rows => 3; }
    private readonly struct Height4 : ITileHeight { public static int Rows => 4; }
    private readonly struct Height5 : ITileHeight { public static int Rows => 5; }
    private readonly struct Height6 : ITileHeight { public static int Rows => 6; }
    private readonly struct Height7 : ITileHeight { public static int Rows => 7; }
    private readonly struct Height8 : ITileHeight { public static int Rows => 8; }
    private readonly struct Height9 : ITileHeight { public static int Rows => 9; }
    private readonly struct Height10 : ITileHeight { public static int Rows => 10; }
    private readonly struct Height11 : ITileHeight { public static int Rows => 11; }
    private readonly struct Height12 : ITileHeight { public static int Rows => 12; }
}
