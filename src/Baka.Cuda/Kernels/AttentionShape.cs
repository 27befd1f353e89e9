using Baka.Compiler.Plans;
using Baka.Graph.Ops;

namespace Baka.Cuda.Kernels;

/// <summary>Sizes of an attention step, as <see cref="Attention"/> tells them.</summary>
/// <param name="Batch">B, rows.</param>
/// <param name="Heads">h.</param>
/// <param name="HeadWidth">f.</param>
/// <param name="Windows">W.</param>
/// <param name="Slots">S, queries of a window.</param>
/// <param name="Past">P, cached slots in front of the stream.</param>
/// <param name="Theta">Base of the rotary angles; 0 = no rotation.</param>
/// <param name="KeyHeads">Heads that keys have of their own: h, or 1 that all share.</param>
internal sealed record AttentionShape(int Batch, int Heads, int HeadWidth, int Windows, int Slots, int Past, float Theta, int KeyHeads)
{
    /// <summary>Queries of a row.</summary>
    public int Queries => Windows * Slots;

    /// <summary>Columns of a head as products on tensor cores take it, whose sums are of 16: zeros follow its own.</summary>
    public int PaddedWidth => (HeadWidth + 15) / 16 * 16;

    /// <summary>Columns of a head in tiles of blocks, as <c>AttentionPlaces.cu</c> says.</summary>
    public int StoredWidth => PaddedWidth % 64 is 0 or > 32 ? (PaddedWidth + 63) / 64 * 64 : (PaddedWidth + 31) / 32 * 32;

    /// <summary>Keys of a row.</summary>
    public int Stream => Past + Queries;

    public static AttentionShape Of(Attention op, Step step)
    {
        var v = step.Inputs[2].Shape;
        var width = v[2] / op.Heads;
        var past = step.Inputs.Count is 8 or 11 ? step.Inputs[6].Shape[1] : 0;
        return new AttentionShape(v[0], op.Heads, width, op.Windows, v[1] / op.Windows, past, op.Theta, step.Inputs[1].Shape[2] / width);
    }

    /// <summary>What every attention kernel is told.</summary>
    public IEnumerable<(string Name, object Value)> Defines() =>
    [
        ("BATCH", Batch),
        ("HEADS", Heads),
        ("KEY_HEADS", KeyHeads),
        ("HEAD_WIDTH", HeadWidth),
        ("WINDOWS", Windows),
        ("SLOTS", Slots),
        ("PAST", Past),
        ("SCALE", (float)(1 / Math.Sqrt(HeadWidth))),
        .. Rope(),
    ];

    /// <summary>The angle of every pair of a head for one place, in units of 2⁻⁶⁴ turn.</summary>
    public IEnumerable<(string Name, object Value)> Rope()
    {
        if (Theta == 0)
        {
            return [("ROPE", 0)];
        }

        var turns = Enumerable.Range(0, HeadWidth / 2)
            .Select(pair => (ulong)(Math.Pow(Theta, -2.0 * pair / HeadWidth) / (2 * Math.PI) * Math.Pow(2, 64)));
        return [("ROPE", 1), ("ROPE_TURNS", $"{{{string.Join(", ", turns.Select(t => $"0x{t:x}ull"))}}}")];
    }
}
