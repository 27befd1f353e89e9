namespace Baka.Cpu.Kernels;

/// <summary>Tiles of one vector of channels. Those of a chunk serve one vector after the other; those of states are each vector's own.</summary>
internal readonly unsafe struct ScanTiles
{
    /// <summary>[chunk]: u, then du.</summary>
    public float* Added { get; init; }

    /// <summary>[chunk]: s, then Δ, then ds.</summary>
    public float* Step { get; init; }

    /// <summary>[chunk]: dΔ / ds.</summary>
    public float* Slopes { get; init; }

    /// <summary>[chunk]: dy.</summary>
    public float* Upstream { get; init; }

    /// <summary>[n]: the state as the chunk's slots go by.</summary>
    public float* State { get; init; }

    /// <summary>[chunk, n]: the state before every slot.</summary>
    public float* Before { get; init; }

    /// <summary>[chunk, n]: a_t.</summary>
    public float* Factors { get; init; }

    /// <summary>[chunk, n]: dc, summed over vectors.</summary>
    public float* Readouts { get; init; }

    /// <summary>[chunk, n]: db, summed over vectors.</summary>
    public float* Gains { get; init; }

    /// <summary>[n]: decay or rate.</summary>
    public float* Decay { get; init; }

    /// <summary>[n]: constant readout.</summary>
    public float* Readout { get; init; }

    /// <summary>[n]: g, handed from chunk to chunk.</summary>
    public float* Adjoint { get; init; }

    /// <summary>[n]: gradient of decay or rate, summed over slots.</summary>
    public float* Decays { get; init; }

    /// <summary>[n]: gradient of the constant readout, summed over slots.</summary>
    public float* ReadoutSums { get; init; }

    /// <summary>One row, as the next three.</summary>
    public float* Bias { get; init; }

    public float* Skip { get; init; }

    /// <summary>Gradient of the bias, summed over slots.</summary>
    public float* BiasSum { get; init; }

    /// <summary>Likewise of the skip.</summary>
    public float* SkipSum { get; init; }
}

/// <summary>Where a worker's tiles lie.</summary>
/// <param name="groups">Of <see cref="ScanKernel.Grain"/> channels that a part has at most.</param>
internal readonly unsafe struct ScanScratch(int states, int groups)
{
    private const int Length = ScanShape.ChunkLength;

    // Tiles of a vector's own, of n rows each, and of one.
    private const int Own = 5;
    private const int OwnRows = 4;

    private long Shared => ScanKernel.TileSize(4 * Length + states + 4 * Length * states);

    public long Size => Shared + groups * ScanKernel.TileSize(Own * states + OwnRows);

    public ScanTiles Of(float* memory, int vector, int lanes)
    {
        var (chunk, own) = (Length * lanes, states * lanes);
        var wide = memory + 4 * chunk + own;
        var mine = memory + Shared + (nint)vector * (Own * own + OwnRows * lanes);
        var rows = mine + Own * own;
        return new ScanTiles
        {
            Added = memory,
            Step = memory + chunk,
            Upstream = memory + 2 * chunk,
            Slopes = memory + 3 * chunk,
            State = memory + 4 * chunk,
            Before = wide,
            Factors = wide + (nint)chunk * states,
            Readouts = wide + 2 * (nint)chunk * states,
            Gains = wide + 3 * (nint)chunk * states,
            Decay = mine,
            Readout = mine + own,
            Adjoint = mine + 2 * own,
            Decays = mine + 3 * own,
            ReadoutSums = mine + 4 * own,
            Bias = rows,
            Skip = rows + lanes,
            BiasSum = rows + 2 * lanes,
            SkipSum = rows + 3 * lanes,
        };
    }
}
