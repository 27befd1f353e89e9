using Baka.Graph;
using Baka.Model.Passes;

namespace Baka.Model.Modules;

/// <summary>
/// A pass's slots, row by row, cut into chunks of C slots: how far they lie from each other, and where something begins between
/// them. Layers share these tensors, as equal nodes are one. What is said of slots is shaped to fit [B, h, chunks, C, C] or
/// [B, h, chunks, C, ·], what is said of chunks [B, h, chunks + 1, chunks + 1].
/// </summary>
internal sealed class Chunks
{
    // What moves for a slot grows as C + this / C: weights inside of chunks, and states between them, for heads 64 wide.
    private const int Balance = 80 * 80;

    // Rows of products should be multiples of 16 bytes.
    private const int Grain = 8;

    private readonly int _heads;
    private readonly int _length;

    public Chunks(Pass pass, int heads)
    {
        var graph = pass.Graph;
        (Rows, Slots, _heads, _length) = (pass.Rows, pass.Windows * pass.Slots, heads, Length(pass.Slots));
        Count = Slots / _length;
        var place = Range(graph, _length);
        var chunk = Range(graph, Count + 1);
        var (query, to) = (place.Reshape(_length, 1), chunk.Reshape(Count + 1, 1));
        Place = query;
        ToEnd = (float)_length - query;
        Distance = (query - place).Maximum(0f);
        FromChunk = (to - chunk).Maximum(0f) * _length;

        // How many beginnings lie at or before a slot, and before a chunk or the end: nothing begins between equal numbers.
        var begins = pass.Begins;
        var within = (begins.Reshape(Rows, Count, 1, _length) * place.Less(query + 1f)).Sum(3).Reshape(Rows, Count, _length);
        var ofChunk = within.Slice(2, _length - 1, 1).Reshape(Rows, 1, Count);
        var before = (ofChunk * Range(graph, Count).Less(to)).Sum(2).Reshape(Rows, 1, Count + 1);
        var slot = (before.Slice(2, 0, Count).Reshape(Rows, Count, 1) + within).Reshape(Rows, 1, Count, _length, 1);
        Tensor AtChunk(int start) => before.Slice(2, start, Count).Reshape(Rows, 1, Count, 1, 1);
        IsUnseen = query.Less(place) + slot.Reshape(Rows, 1, Count, 1, _length).Less(slot);
        IsOver = slot.Less(AtChunk(1));
        IsCut = AtChunk(0).Less(slot);
        IsLost = to.Less(chunk) + before.Reshape(Rows, 1, 1, Count + 1).Less(before.Reshape(Rows, 1, Count + 1, 1));
        IsFresh = begins.Slice(1, 0, 1).Reshape(Rows, 1, 1, 1);
    }

    /// <summary>B.</summary>
    public int Rows { get; }

    /// <summary>Of a row.</summary>
    public int Slots { get; }

    /// <summary>Chunks of a row.</summary>
    public int Count { get; }

    /// <summary>[C, 1]: of a slot in its chunk.</summary>
    public Tensor Place { get; }

    /// <summary>[C, 1]: from a slot to the first of the next chunk.</summary>
    public Tensor ToEnd { get; }

    /// <summary>[C, C]: from each slot before a slot to it; 0 for those behind it.</summary>
    public Tensor Distance { get; }

    /// <summary>[chunks + 1, chunks + 1]: slots from the beginning of each chunk to that of one behind it; 0 for those before it.</summary>
    public Tensor FromChunk { get; }

    /// <summary>≠ 0 where a slot of the chunk lies behind a slot, or something begins between them.</summary>
    public Tensor IsUnseen { get; }

    /// <summary>≠ 0 where something begins between a slot and the end of its chunk.</summary>
    public Tensor IsOver { get; }

    /// <summary>≠ 0 where something begins between the beginning of its chunk and a slot, or with it.</summary>
    public Tensor IsCut { get; }

    /// <summary>≠ 0 where a chunk lies behind another, or something begins between their beginnings.</summary>
    public Tensor IsLost { get; }

    /// <summary>[B, 1, 1, 1]: ≠ 0 where something begins with the row's first slot.</summary>
    public Tensor IsFresh { get; }

    /// <summary>x [N, h·f] → [B, slots, h, f].</summary>
    public Tensor ByHead(Tensor x) => x.Reshape(Rows, Slots, _heads, x.Shape[1] / _heads);

    /// <summary>x [B, h, slots, w] or [B, h, chunks, C, w] → [B·h·chunks, C, w].</summary>
    public Tensor Batched(Tensor x) => x.Reshape(Rows * _heads * Count, _length, x.Shape[-1]);

    /// <summary>x [B·h·chunks, C, w] → [B, h, chunks, C, w].</summary>
    public Tensor ByChunk(Tensor x) => x.Reshape(Rows, _heads, Count, _length, x.Shape[2]);

    private static Tensor Range(TensorGraph graph, int count) => graph.Constant([.. Enumerable.Range(0, count)]).ToFloat();

    /// <summary>The cheapest of those that a window's slots can be cut into.</summary>
    private static int Length(int slots)
    {
        var grain = slots % Grain == 0 ? Grain : 1;
        return Enumerable.Range(1, slots / grain).Select(i => i * grain).Where(c => slots % c == 0).MinBy(c => c + Balance / c);
    }
}
