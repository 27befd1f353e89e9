using System.Runtime.InteropServices;

namespace Baka.Cpu.Kernels;

/// <summary>
/// Cosines and sines of rotary position embedding (arXiv 2104.09864): pair i of a head turns by position · theta^(−2i / width).
/// One table serves every layer with the same head width and theta.
/// </summary>
public sealed unsafe class RopeTable : IDisposable
{
    private float* _angles;

    /// <param name="positions">Positions 0 … positions − 1 can be used.</param>
    /// <param name="width">Head width, even.</param>
    public RopeTable(int positions, int width, double theta)
    {
        if (width % 2 != 0)
        {
            throw new ArgumentException($"Rotary embedding turns pairs of values, but the head width is {width}: use an even one.", nameof(width));
        }

        Positions = positions;
        Width = width;
        ScratchBytes = (long)positions * width * sizeof(float);
        _angles = (float*)NativeMemory.AlignedAlloc((nuint)ScratchBytes, 64);
        for (var position = 0; position < positions; position++)
        {
            for (var i = 0; i < width / 2; i++)
            {
                var (sin, cos) = Math.SinCos(position * Math.Pow(theta, -2.0 * i / width));
                Cosines(position)[i] = (float)cos;
                Sines(position)[i] = (float)sin;
            }
        }
    }

    public int Positions { get; }

    public int Width { get; }

    public long ScratchBytes { get; }

    public void Dispose()
    {
        NativeMemory.AlignedFree(_angles);
        _angles = null;
    }

    /// <summary>cos of the width / 2 angles of a position.</summary>
    internal float* Cosines(int position) => _angles + (nint)position * Width;

    /// <summary>sin of the width / 2 angles of a position.</summary>
    internal float* Sines(int position) => Cosines(position) + Width / 2;
}
