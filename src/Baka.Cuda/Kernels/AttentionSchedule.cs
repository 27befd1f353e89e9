using Baka.Cuda.Lowering;

namespace Baka.Cuda.Kernels;

/// <summary>
/// The order in which the blocks of an attention kernel start. A tile's work depends on what queries see, which is
/// known only at run time: it is estimated as if every query saw all that is not later than itself.
/// </summary>
internal static class AttentionSchedule
{
    /// <summary>What the keys and values of the heads that run at a time may take of the cache.</summary>
    private const long CacheBytes = 16 << 20;

    /// <summary>Tiles of queries, <paramref name="tile"/> each.</summary>
    public static IEnumerable<(string Name, object Value)> OfQueries(AttentionShape shape, int tile) =>
        Defines(shape, Enumerable.Range(0, Tiles(shape.Queries, tile)).Select(t =>
        {
            var queries = Enumerable.Range(t * tile, Math.Min(tile, shape.Queries - t * tile));
            return queries.Max(q => Sees(shape, q).To) - queries.Min(q => Sees(shape, q).From);
        }));

    /// <summary>Tiles of slots of the key stream from <paramref name="first"/> on.</summary>
    public static IEnumerable<(string Name, object Value)> OfKeys(AttentionShape shape, int first, int tile) =>
        Defines(shape, Enumerable.Range(0, Tiles(shape.Stream - first, tile)).Select(t =>
        {
            var slot = first + t * tile;
            return Enumerable.Range(0, shape.Queries).Count(q => Sees(shape, q) is var sees && sees.From < slot + tile && sees.To >= slot);
        }));

    public static int Tiles(int rows, int tile) => (rows + tile - 1) / tile;

    /// <summary>One block for every tile of every head of every row.</summary>
    public static Grid Grid(AttentionShape shape, int rows, int tile) => new(shape.Batch * shape.Heads * Tiles(rows, tile));

    private static (int From, int To) Sees(AttentionShape shape, int query) =>
        (query / shape.Slots * shape.Slots, shape.Past + query);

    private static IEnumerable<(string Name, object Value)> Defines(AttentionShape shape, IEnumerable<int> work)
    {
        var order = work.Select((cost, tile) => (cost, tile)).OrderByDescending(t => t.cost).Select(t => t.tile).ToArray();
        var pairs = shape.Batch * shape.Heads;
        var groups = (int)Math.Min(pairs, 1 + 4L * shape.Stream * shape.HeadWidth * pairs / CacheBytes);
        return [("TILES", order.Length), ("ORDER", $"{{{string.Join(", ", order)}}}"), ("GROUP", (pairs + groups - 1) / groups)];
    }
}
