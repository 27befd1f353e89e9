using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>
/// o = softmax(q kᵀ / √f) v without a score matrix: an online softmax over blocks of keys (FlashAttention, arXiv 2205.14135),
/// with the visibility and rotary embedding told at <see cref="AttentionKernel"/>.
/// </summary>
public sealed unsafe class AttentionForward : AttentionKernel
{
    // Below this many queries a row is not worth packing its keys for.
    private const int FewQueries = 4;

    // Stands for "nothing seen yet": unlike −∞ it can be subtracted from itself.
    private const float NoScore = -1e30f;

    private readonly WorkerScratch[] _scratch;

    /// <param name="rope">Null: no rotation.</param>
    /// <param name="workers">The largest team that will run it.</param>
    public AttentionForward(AttentionShape shape, RopeTable? rope, int workers)
        : base(shape, rope, workers)
    {
        _scratch = new WorkerScratch[workers];
        for (var i = 0; i < workers; i++)
        {
            _scratch[i] = shape.Queries <= FewQueries
                ? new WorkerScratch
                {
                    QueryRows = Allocate(WidthInTiles),
                    OutputRows = Allocate(WidthInTiles),
                    Scores = Allocate(KeysInPanels),
                }
                : new WorkerScratch
                {
                    KeyPanels = Allocate((long)KeysInPanels * Width),
                    ValueRows = Allocate((long)KeysInPanels * WidthInTiles),
                    NotFinite = Allocate(KeysInPanels),
                    QueryRows = Allocate(QueryTile * WidthInTiles),
                    QueryColumns = Allocate(QueryTile * WidthInTiles),
                    OutputColumns = Allocate(QueryTile * WidthInTiles),
                    OutputRows = Allocate(QueryTile * WidthInTiles),
                    Scores = Allocate(KeyBlock * QueryTile),
                    LastKeys = Allocate(QueryTile),
                    Max = Allocate(QueryTile),
                    Sum = Allocate(QueryTile),
                };
        }
    }

    /// <summary>o: [B, W·S, h·f].</summary>
    public Rows Output { get; set; }

    /// <summary>[B, h, W·S]: log Σ exp(scaled score) of each query, 0 where it sees nothing.</summary>
    public float* LogSumExp { get; set; }

    public override void Run(ThreadTeam team)
    {
        CheckBindings(team);
        base.Run(team);
    }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(Shape.Units, worker, workers);
        for (var unit = start; unit < end; unit++)
        {
            if (Shape.Queries <= FewQueries)
            {
                AttendOneByOne<S, V>(_scratch[worker], unit / Shape.Heads, unit % Shape.Heads);
            }
            else
            {
                AttendInTiles<S, V>(_scratch[worker], unit / Shape.Heads, unit % Shape.Heads);
            }
        }
    }

    private void AttendInTiles<S, V>(in WorkerScratch scratch, int batch, int head)
        where S : struct, ISimd<V>
        where V : struct
    {
        var allFinite = PackKeys(scratch, batch, head);
        for (var window = 0; window < Shape.Windows; window++)
        {
            for (var slot = 0; slot < Shape.Slots; slot += QueryTile)
            {
                var range = PackQueries(batch, head, window, slot, scratch.QueryRows, scratch.LastKeys);
                Transposition.Copy(scratch.QueryRows, WidthInTiles, QueryTile, Width, scratch.QueryColumns, QueryTile);
                AttendTile<S, V>(scratch, range);
                if (!allFinite)
                {
                    SpreadNotFinite(scratch, range);
                }

                WriteTile<S, V>(scratch, batch, head, window, slot);
            }
        }
    }

    /// <summary>Packs keys as panels [keys / 8][f][8] and values as rows; returns whether all were finite.</summary>
    private bool PackKeys(in WorkerScratch scratch, int batch, int head)
    {
        var visible = VisibleKeys(batch);
        var allFinite = true;
        for (var panel = visible.Start / Panel * Panel; panel < visible.End; panel += Panel)
        {
            for (var i = 0; i < Panel; i++)
            {
                var value = scratch.ValueRows + (nint)(panel + i) * WidthInTiles;
                var finite = PackKey(batch, head, panel + i, visible, scratch.QueryRows + i * WidthInTiles, value);
                new Span<float>(value + Width, WidthInTiles - Width).Clear();
                scratch.NotFinite[panel + i] = finite ? 0 : 1;
                allFinite &= finite;
            }

            Transposition.Copy(scratch.QueryRows, WidthInTiles, Panel, Width, scratch.KeyPanels + (nint)panel * Width, Panel);
        }

        return allFinite;
    }

    private void AttendTile<S, V>(in WorkerScratch scratch, QueryTileRange range)
        where S : struct, ISimd<V>
        where V : struct
    {
        new Span<float>(scratch.Max, QueryTile).Fill(NoScore);
        new Span<float>(scratch.Sum, QueryTile).Clear();
        new Span<float>(scratch.OutputColumns, WidthInPanels * QueryTile).Clear();
        if (range.IsEmpty)
        {
            return;
        }

        var end = TileProduct.RoundUp(range.GreatestLast + 1, Panel);
        for (var key = range.First / Panel * Panel; key < end; key += KeyBlock)
        {
            var count = Math.Min(KeyBlock, end - key);
            TileProduct.Multiply<S, V, Interleaved>(
                count, QueryTile, Width, scratch.KeyPanels + (nint)key * Width, Width * Panel, Panel, scratch.QueryColumns, QueryTile, scratch.Scores, QueryTile, accumulate: false);
            Softmax<S, V>(scratch, range, key, count);
            TileProduct.Multiply<S, V, Interleaved>(
                WidthInPanels, QueryTile, count, scratch.ValueRows + (nint)key * WidthInTiles, Panel, WidthInTiles, scratch.Scores, QueryTile, scratch.OutputColumns, QueryTile, accumulate: true);
        }
    }

    /// <summary>Scores of a block of keys become weights relative to the largest score so far; sum and output are brought to the same scale.</summary>
    private void Softmax<S, V>(in WorkerScratch scratch, QueryTileRange range, int key, int count)
        where S : struct, ISimd<V>
        where V : struct
    {
        var (hidden, open) = range.Rows(key, count);
        var masked = S.Create(float.NegativeInfinity);
        for (var column = 0; column < QueryTile; column += S.Count)
        {
            var scores = scratch.Scores + column;
            var oldMax = S.Load(scratch.Max + column);
            var max = oldMax;
            for (var row = 0; row < hidden; row++)
            {
                S.Store(masked, scores + row * QueryTile);
            }

            for (var row = hidden; row < open; row++)
            {
                max = S.Max(max, S.Load(scores + row * QueryTile));
            }

            var last = S.Load(scratch.LastKeys + column);
            for (var row = open; row < count; row++)
            {
                var score = S.WhereLess(last, S.Create(key + row), masked, S.Load(scores + row * QueryTile));
                S.Store(score, scores + row * QueryTile);
                max = S.Max(max, score);
            }

            var sum = S.Create(0);
            for (var row = 0; row < count; row++)
            {
                var weight = Simd<S, V>.Exp(S.Subtract(S.Load(scores + row * QueryTile), max));
                S.Store(weight, scores + row * QueryTile);
                sum = S.Add(sum, weight);
            }

            var shrink = Simd<S, V>.Exp(S.Subtract(oldMax, max));
            S.Store(max, scratch.Max + column);
            S.Store(S.MultiplyAdd(S.Load(scratch.Sum + column), shrink, sum), scratch.Sum + column);
            for (var row = 0; row < WidthInPanels; row++)
            {
                var output = scratch.OutputColumns + row * QueryTile + column;
                S.Store(S.Multiply(S.Load(output), shrink), output);
            }
        }
    }

    /// <summary>A query that sees a key which is not finite becomes NaN, as it would by plain arithmetic.</summary>
    private static void SpreadNotFinite(in WorkerScratch scratch, QueryTileRange range)
    {
        for (var key = range.First; key <= range.GreatestLast; key++)
        {
            for (var i = 0; i < QueryTile && scratch.NotFinite[key] != 0; i++)
            {
                scratch.Sum[i] = scratch.LastKeys[i] >= key ? float.NaN : scratch.Sum[i];
            }
        }
    }

    private void WriteTile<S, V>(in WorkerScratch scratch, int batch, int head, int window, int slot)
        where S : struct, ISimd<V>
        where V : struct
    {
        Transposition.Copy(scratch.OutputColumns, QueryTile, Width, QueryTile, scratch.OutputRows, WidthInTiles);
        var query = window * Shape.Slots + slot;
        var count = Math.Min(QueryTile, Shape.Slots - slot);
        for (var i = 0; i < count; i++)
        {
            Write(batch, head, query + i, scratch.OutputRows + i * WidthInTiles, scratch.Sum[i], scratch.Max[i]);
        }
    }

    /// <summary>Few queries: each runs over the keys as they lie.</summary>
    private void AttendOneByOne<S, V>(in WorkerScratch scratch, int batch, int head)
        where S : struct, ISimd<V>
        where V : struct
    {
        for (var query = 0; query < Shape.Queries; query++)
        {
            var (window, slot) = Math.DivRem(query, Shape.Slots);
            var first = FirstKey(batch, window);
            var count = Math.Max(0, LastKey(window, slot) + 1 - first);
            var sum = 0f;
            var max = 0f;
            new Span<float>(scratch.OutputRows, Width).Clear();
            if (count > 0)
            {
                var turned = scratch.OutputRows;
                HeadRow.Copy(QueryRow(batch, head, window, slot), scratch.QueryRows, Width, Scale, Rope, PositionOf(window, slot));
                for (var i = 0; i < count; i++)
                {
                    var key = KeyRow(batch, head, first + i);
                    if (Rope != null)
                    {
                        HeadRow.Copy(key, turned, Width, 1f, Rope, first + i);
                        key = turned;
                    }

                    scratch.Scores[i] = Simd<S, V>.Dot(scratch.QueryRows, key, Width);
                }

                max = Simd<S, V>.Max(scratch.Scores, count);
                sum = Simd<S, V>.ExpAndSum(scratch.Scores, max, count);
                new Span<float>(scratch.OutputRows, Width).Clear();
                for (var i = 0; i < count; i++)
                {
                    Simd<S, V>.AddScaled(scratch.Scores[i], ValueRow(batch, head, first + i), scratch.OutputRows, Width);
                }
            }

            Write(batch, head, query, scratch.OutputRows, sum, max);
        }
    }

    private void Write(int batch, int head, int query, float* unscaled, float sum, float max)
    {
        var seesNothing = sum == 0;
        HeadRow.Copy(unscaled, Output.At(batch, query, head), Width, seesNothing ? 0f : 1f / sum, null, 0);
        LogSumExp[((nint)batch * Shape.Heads + head) * Shape.Queries + query] = seesNothing ? 0f : max + MathF.Log(sum);
    }

    private struct WorkerScratch
    {
        public float* KeyPanels;
        public float* ValueRows;
        public float* NotFinite;
        public float* QueryRows;
        public float* QueryColumns;
        public float* OutputColumns;
        public float* OutputRows;
        public float* Scores;
        public float* LastKeys;
        public float* Max;
        public float* Sum;
    }
}
