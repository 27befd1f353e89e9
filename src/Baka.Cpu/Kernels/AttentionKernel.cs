using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>
/// What attention forward and backward share: the bindings, who sees whom, and packing.
/// </summary>
/// <remarks>
/// A row's keys form one stream [past P | now W·S]. Query i of window w sees the stream indices
/// w·S + First[b, w] … w·S + Last[i], clipped to the window's key range w·S … w·S + P + S − 1. A query that sees
/// nothing gives 0. With rotary embedding a key stands at its stream index and a query at w·S + QueryPosition[i].
/// <para>
/// One (row, head) is worked on by one thread: its keys are turned and packed once, then tiles of queries run over
/// blocks of keys. Tiles are kept transposed, [keys, queries], so that the softmax is a matter of whole vectors.
/// Keys that are not finite are packed as zeros, so that they can't reach a query which must not see them.
/// </para>
/// </remarks>
public abstract unsafe class AttentionKernel : Kernel
{
    private protected const int QueryTile = TileProduct.TileWidth;
    private protected const int KeyBlock = 64;
    private protected const int Panel = TileProduct.Panel;

    // Rows between a prefetch and its use.
    private protected const int Ahead = 12;

    private protected AttentionKernel(AttentionShape shape, RopeTable? rope, int workers)
    {
        if (rope != null && rope.Width != shape.HeadWidth)
        {
            throw new ArgumentException($"The rotary table is for heads of width {rope.Width}, not {shape.HeadWidth}: build one for this width.", nameof(rope));
        }

        if (rope != null && rope.Positions < shape.Keys)
        {
            throw new ArgumentException($"The rotary table has {rope.Positions} positions, but the key stream has {shape.Keys}: build a longer one.", nameof(rope));
        }

        Shape = shape;
        Rope = rope;
        Workers = workers;
        Scale = 1f / MathF.Sqrt(shape.HeadWidth);
        Width = shape.HeadWidth;
        WidthInPanels = TileProduct.RoundUp(Width, Panel);
        WidthInTiles = TileProduct.RoundUp(Width, TileProduct.TileWidth);
        KeysInPanels = TileProduct.RoundUp(shape.Keys, Panel);
    }

    public AttentionShape Shape { get; }

    /// <summary>q, k, v: [B, W·S, h·f], not turned. Queries and keys can be f wide, with heads 0 apart.</summary>
    public Rows Query { get; set; }

    public Rows Key { get; set; }

    public Rows Value { get; set; }

    /// <summary>Cached keys and values, [B, P, h·f], not turned; unused when P = 0.</summary>
    public Rows PastKey { get; set; }

    public Rows PastValue { get; set; }

    /// <summary>[B, W]: first visible key of a window, relative to its key range.</summary>
    public int* First { get; set; }

    /// <summary>[S]: last visible key of a query slot, relative to the window's key range.</summary>
    public int* Last { get; set; }

    /// <summary>[S]: position of a query slot, relative to the window's key range; used with rotary embedding only.</summary>
    public int* QueryPosition { get; set; }

    private protected RopeTable? Rope { get; }

    private protected int Workers { get; }

    private protected float Scale { get; }

    private protected int Width { get; }

    private protected int WidthInPanels { get; }

    private protected int WidthInTiles { get; }

    private protected int KeysInPanels { get; }

    private protected void CheckBindings(ThreadTeam team)
    {
        team.RequireAtMost(Workers);
        if (Rope == null)
        {
            return;
        }

        for (var i = 0; i < Shape.Slots; i++)
        {
            var position = (Shape.Windows - 1) * Shape.Slots + QueryPosition[i];
            if (QueryPosition[i] < 0 || position >= Rope.Positions)
            {
                throw new ArgumentException($"Query slot {i} stands at position {position}, but the rotary table has {Rope.Positions} positions: build a longer one.");
            }
        }
    }

    /// <summary>Stream index of the first key that a window sees.</summary>
    private protected int FirstKey(int batch, int window) =>
        window * Shape.Slots + Math.Max(0, First[batch * Shape.Windows + window]);

    /// <summary>Stream index of the last key that a query sees.</summary>
    private protected int LastKey(int window, int slot) =>
        window * Shape.Slots + Math.Min(Last[slot], Shape.Past + Shape.Slots - 1);

    /// <summary>The keys that some query of a row sees: [Start, End), empty when none.</summary>
    private protected (int Start, int End) VisibleKeys(int batch)
    {
        var (start, end) = (int.MaxValue, 0);
        for (var window = 0; window < Shape.Windows; window++)
        {
            var first = FirstKey(batch, window);
            for (var slot = 0; slot < Shape.Slots; slot++)
            {
                var last = LastKey(window, slot);
                if (last >= first)
                {
                    start = Math.Min(start, first);
                    end = Math.Max(end, last + 1);
                }
            }
        }

        return start < end ? (start, end) : (0, 0);
    }

    private protected float* KeyRow(int batch, int head, int key) =>
        key < Shape.Past ? PastKey.At(batch, key, head) : Key.At(batch, key - Shape.Past, head);

    private protected float* ValueRow(int batch, int head, int key) =>
        key < Shape.Past ? PastValue.At(batch, key, head) : Value.At(batch, key - Shape.Past, head);

    /// <summary>Packs one key and its value as rows; a key outside the visible range or not finite becomes zero. Returns whether it was finite.</summary>
    private protected bool PackKey(int batch, int head, int key, (int Start, int End) visible, float* keyTo, float* valueTo)
    {
        if (key + Ahead < visible.End)
        {
            HeadRow.Prefetch(KeyRow(batch, head, key + Ahead), Width);
            HeadRow.Prefetch(ValueRow(batch, head, key + Ahead), Width);
        }

        if (key >= visible.Start && key < visible.End)
        {
            var finite = HeadRow.Copy(KeyRow(batch, head, key), keyTo, Width, 1f, Rope, key);
            finite &= HeadRow.Copy(ValueRow(batch, head, key), valueTo, Width, 1f, null, 0);
            if (finite)
            {
                return true;
            }
        }

        new Span<float>(keyTo, Width).Clear();
        new Span<float>(valueTo, Width).Clear();
        return key < visible.Start || key >= visible.End;
    }

    /// <summary>
    /// Writes the turned and scaled queries slot … slot + QueryTile − 1 of a window as rows of WidthInTiles, zeros where a slot
    /// does not exist or sees nothing, and the last key of each as f32 (exact below 2²⁴): −1 for those that see nothing, no limit for
    /// those that don't exist, so that they need no mask.
    /// </summary>
    private protected QueryTileRange PackQueries(int batch, int head, int window, int slot, float* rows, float* lastKeys)
    {
        var first = FirstKey(batch, window);
        var range = new QueryTileRange(first, int.MaxValue, -1);
        for (var i = 0; i < QueryTile; i++)
        {
            var row = rows + i * WidthInTiles;
            var exists = slot + i < Shape.Slots;
            if (slot + i + Ahead < Shape.Slots)
            {
                HeadRow.Prefetch(QueryRow(batch, head, window, slot + i + Ahead), Width);
            }

            var last = exists ? LastKey(window, slot + i) : -1;
            if (exists && last >= first)
            {
                lastKeys[i] = last;
                range = range.Including(last);
                HeadRow.Copy(QueryRow(batch, head, window, slot + i), row, Width, Scale, Rope, PositionOf(window, slot + i));
                new Span<float>(row + Width, WidthInTiles - Width).Clear();
            }
            else
            {
                lastKeys[i] = exists ? -1 : float.MaxValue;
                range = exists ? range.Including(-1) : range;
                new Span<float>(row, WidthInTiles).Clear();
            }
        }

        return range;
    }

    private protected float* QueryRow(int batch, int head, int window, int slot) =>
        Query.At(batch, window * Shape.Slots + slot, head);

    private protected int PositionOf(int window, int slot) =>
        Rope == null ? 0 : window * Shape.Slots + QueryPosition[slot];

    /// <summary>The keys that a tile of queries sees.</summary>
    /// <param name="First">The first key, the same for all queries of a window.</param>
    /// <param name="LeastLast">Up to this key no query needs a mask.</param>
    /// <param name="GreatestLast">After this key no query sees anything.</param>
    private protected readonly record struct QueryTileRange(int First, int LeastLast, int GreatestLast)
    {
        public bool IsEmpty => GreatestLast < First;

        public QueryTileRange Including(int last) => this with { LeastLast = Math.Min(LeastLast, last), GreatestLast = Math.Max(GreatestLast, last) };

        /// <summary>Of the keys from <paramref name="start"/> on, how many of the block's rows are: masked, then (counted from the block's start) before the first masked by query.</summary>
        public (int Hidden, int Open) Rows(int start, int count) =>
            (Math.Clamp(First - start, 0, count), Math.Clamp(LeastLast + 1 - start, Math.Clamp(First - start, 0, count), count));
    }
}
