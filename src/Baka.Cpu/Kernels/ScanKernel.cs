namespace Baka.Cpu.Kernels;

/// <summary>
/// What a scan and its gradient have in common. Channels go through the slots a vector at a time: a tile holds one
/// vector of channels for all slots of a chunk or for all n states, padded with zeros where the channels end, so that
/// the loops over slots know no rest and stay in the first cache.
/// </summary>
public abstract unsafe class ScanKernel(ScanShape shape) : Kernel
{
    /// <summary>Channels that a worker is given at least: a cache line, and a multiple of every vector.</summary>
    internal const int Grain = 16;

    /// <summary>u: [B, T, c].</summary>
    public float* Added { get; set; }

    /// <summary>[B, T]: ≠ 0 where the state before the slot counts as 0.</summary>
    public float* Begins { get; set; }

    /// <summary>[B, n, c]: before the first slot.</summary>
    public float* State { get; set; }

    /// <summary>[n, c]: a, or A of a_t = exp(Δ_t A) in a selective scan.</summary>
    public float* Decay { get; set; }

    /// <summary>c: [n, c]; constant alone.</summary>
    public float* Readout { get; set; }

    /// <summary>c: [B, T, n]; selective alone.</summary>
    public Rows Readouts { get; set; }

    /// <summary>s of Δ = softplus(s + bias): [B, T, c]; selective alone.</summary>
    public float* Step { get; set; }

    /// <summary>b: [B, T, n]; selective alone.</summary>
    public Rows Gains { get; set; }

    /// <summary>[c]; selective alone.</summary>
    public float* Bias { get; set; }

    /// <summary>D: [c]; selective alone.</summary>
    public float* Skip { get; set; }

    /// <summary>[B, chunks, n, c]: the states before every chunk.</summary>
    public float* Kept { get; set; }

    private protected ScanShape Shape => shape;

    /// <summary>Floats of a tile of so many rows of the widest vector.</summary>
    internal static long TileSize(int rows) => (long)rows * Grain;

    /// <summary>Copies one vector of channels of so many rows.</summary>
    private protected static void Pack<S, V>(float* from, int stride, int rows, int width, float* tile)
        where S : struct, ISimd<V>
        where V : struct
    {
        for (var row = 0; row < rows; row++, from += stride, tile += S.Count)
        {
            if (width == S.Count)
            {
                S.Store(S.Load(from), tile);
                continue;
            }

            for (var i = 0; i < S.Count; i++)
            {
                tile[i] = i < width ? from[i] : 0;
            }
        }
    }

    private protected static void Unpack<S, V>(float* tile, float* to, int stride, int rows, int width)
        where S : struct, ISimd<V>
        where V : struct
    {
        for (var row = 0; row < rows; row++, to += stride, tile += S.Count)
        {
            if (width == S.Count)
            {
                S.Store(S.Load(tile), to);
                continue;
            }

            for (var i = 0; i < width; i++)
            {
                to[i] = tile[i];
            }
        }
    }
}
