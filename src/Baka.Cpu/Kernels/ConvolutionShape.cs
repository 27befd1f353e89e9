namespace Baka.Cpu.Kernels;

/// <summary>Sizes of a short causal convolution of every channel by itself.</summary>
/// <param name="Rows">B.</param>
/// <param name="Slots">T.</param>
/// <param name="Channels">c.</param>
/// <param name="Width">k.</param>
public readonly record struct ConvolutionShape(int Rows, int Slots, int Channels, int Width)
{
    /// <summary>Channels that a worker is given at least: some cache lines.</summary>
    internal const int Grain = 64;

    /// <summary>Inputs before the first slot.</summary>
    public int Tail => Width - 1;

    /// <summary>Groups of <see cref="Grain"/> channels.</summary>
    internal int Groups => (Channels + Grain - 1) / Grain;
}
