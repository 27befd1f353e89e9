namespace Baka.Cpu.Kernels;

/// <summary>Sizes of a linear recurrence h_t = a_t ⊙ h_{t−1} + b_t u_t, y_t = Σ_n c_tn h_tn.</summary>
/// <param name="Rows">B.</param>
/// <param name="Slots">T.</param>
/// <param name="Channels">c.</param>
/// <param name="States">n, of every channel.</param>
/// <param name="Selective">Decay, gain and readout differ from slot to slot.</param>
public readonly record struct ScanShape(int Rows, int Slots, int Channels, int States, bool Selective)
{
    /// <summary>Slots from one kept state to the next.</summary>
    public const int ChunkLength = Graph.Ops.Scan.ChunkLength;

    /// <summary>Kept states of a row.</summary>
    public int Chunks => Graph.Ops.Scan.Chunks(Slots);
}
