namespace Baka.Cpu.Kernels;

/// <summary>Sizes of StepForward: y_t = W [x_{t−n+1}; …; x_t], oldest position first.</summary>
/// <param name="Groups">G, independent windows.</param>
/// <param name="History">Rows of x in front of a window's first position: 0 or n − 1.</param>
/// <param name="Length">T, positions of a window.</param>
/// <param name="InputWidth">d.</param>
/// <param name="OutputWidth">d_out.</param>
/// <param name="Steps">n, positions put side by side.</param>
/// <param name="Stride">Only positions with (T − 1 − t) mod Stride = 0 are computed, the others are 0.</param>
public readonly record struct StepForwardShape(int Groups, int History, int Length, int InputWidth, int OutputWidth, int Steps, int Stride)
{
    /// <summary>Rows of x in a group.</summary>
    public int InputRows => History + Length;

    /// <summary>Width of a row of W: n·d.</summary>
    public int UnfoldedWidth => Steps * InputWidth;

    /// <summary>The first position that is computed; Length or more when there is none.</summary>
    public int FirstPosition
    {
        get
        {
            var reachable = Math.Max(0, Steps - 1 - History);
            return reachable + ((Length - 1 - reachable) % Stride + Stride) % Stride;
        }
    }

    /// <summary>The row of a group's x where the first computed position's input begins.</summary>
    public int OldestRow => History + FirstPosition - Steps + 1;

    /// <summary>Number of positions computed in a group.</summary>
    public int Count => FirstPosition >= Length ? 0 : (Length - 1 - FirstPosition) / Stride + 1;

    /// <summary>Whether y_t is computed.</summary>
    public bool Reaches(int position) => position >= FirstPosition && (Length - 1 - position) % Stride == 0;
}
