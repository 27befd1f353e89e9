namespace Baka.Cpu.Kernels;

/// <summary>Sizes of windowed attention with cached past slots.</summary>
/// <param name="Batch">B, independent rows.</param>
/// <param name="Windows">W, consecutive windows of a row; each sees the Past slots before it.</param>
/// <param name="Slots">S, query slots of a window.</param>
/// <param name="Heads">h.</param>
/// <param name="HeadWidth">f, values of a head; even when there is rotary embedding.</param>
/// <param name="Past">P, slots before a window that it can see.</param>
public readonly record struct AttentionShape(int Batch, int Windows, int Slots, int Heads, int HeadWidth, int Past)
{
    /// <summary>Queries of one row: W·S.</summary>
    public int Queries => Windows * Slots;

    /// <summary>Length of a row's key stream, [past | now]: P + W·S.</summary>
    public int Keys => Past + Queries;

    /// <summary>Independent pieces of work: every (row, head).</summary>
    public int Units => Batch * Heads;
}
