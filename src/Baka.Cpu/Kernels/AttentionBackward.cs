using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>
/// The gradient of <see cref="AttentionForward"/>: weights are computed again from q, k and the stored log-sum-exp
/// (arXiv 2205.14135, algorithm 4). All gradients are overwritten.
/// </summary>
public sealed unsafe class AttentionBackward : AttentionKernel
{
    private readonly WorkerScratch[] _scratch;

    /// <param name="rope">Null: no rotation.</param>
    /// <param name="workers">The largest team that will run it.</param>
    /// <param name="detachPast">Queries give no gradient to keys and values outside their own window.</param>
    public AttentionBackward(AttentionShape shape, RopeTable? rope, int workers, bool detachPast)
        : base(shape, rope, workers)
    {
        DetachPast = detachPast;
        _scratch = new WorkerScratch[workers];
        for (var i = 0; i < workers; i++)
        {
            _scratch[i] = new WorkerScratch
            {
                KeyPanels = Allocate((long)KeysInPanels * Width),
                ValuePanels = Allocate((long)KeysInPanels * Width),
                KeyRows = Allocate((long)KeysInPanels * WidthInTiles),
                KeyGradient = Allocate((long)KeysInPanels * WidthInTiles),
                ValueGradient = Allocate((long)KeysInPanels * WidthInTiles),
                QueryRows = Allocate(QueryTile * WidthInTiles),
                QueryColumns = Allocate(QueryTile * WidthInTiles),
                OutputGradientRows = Allocate(QueryTile * WidthInTiles),
                OutputGradientColumns = Allocate(QueryTile * WidthInTiles),
                QueryGradientColumns = Allocate(QueryTile * WidthInTiles),
                Weights = Allocate(KeyBlock * QueryTile),
                ScoreGradient = Allocate(KeyBlock * QueryTile),
                LastKeys = Allocate(QueryTile),
                LogSumExp = Allocate(QueryTile),
                Delta = Allocate(QueryTile),
            };
        }
    }

    public bool DetachPast { get; }

    /// <summary>o and log-sum-exp as the forward pass left them.</summary>
    public Rows Output { get; set; }

    public float* LogSumExp { get; set; }

    /// <summary>Gradient of o: [B, W·S, h·f].</summary>
    public Rows OutputGradient { get; set; }

    /// <summary>Gradients of q, k, v: [B, W·S, h·f].</summary>
    public Rows QueryGradient { get; set; }

    public Rows KeyGradient { get; set; }

    public Rows ValueGradient { get; set; }

    /// <summary>Gradients of the cached keys and values: [B, P, h·f]; both absent when not wanted.</summary>
    public Rows PastKeyGradient { get; set; }

    public Rows PastValueGradient { get; set; }

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
            Differentiate<S, V>(_scratch[worker], unit / Shape.Heads, unit % Shape.Heads);
        }
    }

    private void Differentiate<S, V>(in WorkerScratch scratch, int batch, int head)
        where S : struct, ISimd<V>
        where V : struct
    {
        PackKeys(scratch, batch, head);
        new Span<float>(scratch.KeyGradient, KeysInPanels * WidthInTiles).Clear();
        new Span<float>(scratch.ValueGradient, KeysInPanels * WidthInTiles).Clear();
        for (var window = 0; window < Shape.Windows; window++)
        {
            // The first key that takes a gradient from this window.
            var firstTaking = DetachPast ? Shape.Past + window * Shape.Slots : PastKeyGradient.IsPresent ? 0 : Shape.Past;
            for (var slot = 0; slot < Shape.Slots; slot += QueryTile)
            {
                var range = PackQueries(batch, head, window, slot, scratch.QueryRows, scratch.LastKeys);
                PackOutputGradient<S, V>(scratch, batch, head, window, slot);
                Transposition.Copy(scratch.QueryRows, WidthInTiles, QueryTile, Width, scratch.QueryColumns, QueryTile);
                Transposition.Copy(scratch.OutputGradientRows, WidthInTiles, QueryTile, Width, scratch.OutputGradientColumns, QueryTile);
                DifferentiateTile<S, V>(scratch, range, firstTaking);
                WriteQueryGradient(scratch, batch, head, window, slot);
            }
        }

        WriteKeyGradients(scratch, batch, head);
    }

    /// <summary>Packs keys and values as panels [keys / 8][f][8], and keys as rows too.</summary>
    private void PackKeys(in WorkerScratch scratch, int batch, int head)
    {
        var visible = VisibleKeys(batch);
        for (var panel = visible.Start / Panel * Panel; panel < visible.End; panel += Panel)
        {
            var keys = scratch.KeyRows + (nint)panel * WidthInTiles;
            for (var i = 0; i < Panel; i++)
            {
                PackKey(batch, head, panel + i, visible, keys + i * WidthInTiles, scratch.QueryRows + i * WidthInTiles);
                new Span<float>(keys + i * WidthInTiles + Width, WidthInTiles - Width).Clear();
            }

            Transposition.Copy(keys, WidthInTiles, Panel, Width, scratch.KeyPanels + (nint)panel * Width, Panel);
            Transposition.Copy(scratch.QueryRows, WidthInTiles, Panel, Width, scratch.ValuePanels + (nint)panel * Width, Panel);
        }
    }

    /// <summary>Rows of the output gradient of a tile, its product with the output, and the log-sum-exp; 0 for slots that see nothing or don't exist.</summary>
    private void PackOutputGradient<S, V>(in WorkerScratch scratch, int batch, int head, int window, int slot)
        where S : struct, ISimd<V>
        where V : struct
    {
        var query = window * Shape.Slots + slot;
        for (var i = 0; i < QueryTile; i++)
        {
            var row = scratch.OutputGradientRows + i * WidthInTiles;
            if (slot + i + Ahead < Shape.Slots)
            {
                HeadRow.Prefetch(OutputGradient.At(batch, query + i + Ahead, head), Width);
                HeadRow.Prefetch(Output.At(batch, query + i + Ahead, head), Width);
            }

            if (slot + i < Shape.Slots && scratch.LastKeys[i] >= 0)
            {
                HeadRow.Copy(OutputGradient.At(batch, query + i, head), row, Width, 1f, null, 0);
                new Span<float>(row + Width, WidthInTiles - Width).Clear();
                scratch.Delta[i] = Simd<S, V>.Dot(row, Output.At(batch, query + i, head), Width);
                scratch.LogSumExp[i] = LogSumExp[((nint)batch * Shape.Heads + head) * Shape.Queries + query + i];
            }
            else
            {
                new Span<float>(row, WidthInTiles).Clear();
                scratch.Delta[i] = 0;
                scratch.LogSumExp[i] = 0;
            }
        }
    }

    private void DifferentiateTile<S, V>(in WorkerScratch scratch, QueryTileRange range, int firstTaking)
        where S : struct, ISimd<V>
        where V : struct
    {
        new Span<float>(scratch.QueryGradientColumns, WidthInPanels * QueryTile).Clear();
        if (range.IsEmpty)
        {
            return;
        }

        var end = TileProduct.RoundUp(range.GreatestLast + 1, Panel);
        for (var key = range.First / Panel * Panel; key < end; key += KeyBlock)
        {
            var count = Math.Min(KeyBlock, end - key);
            TileProduct.Multiply<S, V, Interleaved>(
                count, QueryTile, Width, scratch.KeyPanels + (nint)key * Width, Width * Panel, Panel, scratch.QueryColumns, QueryTile, scratch.Weights, QueryTile, accumulate: false);
            TileProduct.Multiply<S, V, Interleaved>(
                count, QueryTile, Width, scratch.ValuePanels + (nint)key * Width, Width * Panel, Panel, scratch.OutputGradientColumns, QueryTile, scratch.ScoreGradient, QueryTile, accumulate: false);
            DifferentiateSoftmax<S, V>(scratch, range, key, count);
            TileProduct.Multiply<S, V, Interleaved>(
                WidthInPanels, QueryTile, count, scratch.KeyRows + (nint)key * WidthInTiles, Panel, WidthInTiles, scratch.ScoreGradient, QueryTile, scratch.QueryGradientColumns, QueryTile, accumulate: true);

            // Whole panels of keys that take no gradient are passed over; in a mixed one they are given zeros.
            var silent = Math.Clamp(firstTaking - key, 0, count);
            var skipped = silent / Panel * Panel;
            new Span<float>(scratch.Weights + skipped * QueryTile, (silent - skipped) * QueryTile).Clear();
            new Span<float>(scratch.ScoreGradient + skipped * QueryTile, (silent - skipped) * QueryTile).Clear();
            var to = (nint)(key + skipped) * WidthInTiles;
            TileProduct.Multiply<S, V, RowMajorTile>(
                count - skipped, WidthInTiles, QueryTile, scratch.Weights + skipped * QueryTile, Panel * QueryTile, 1, scratch.OutputGradientRows, WidthInTiles, scratch.ValueGradient + to, WidthInTiles, accumulate: true);
            TileProduct.Multiply<S, V, RowMajorTile>(
                count - skipped, WidthInTiles, QueryTile, scratch.ScoreGradient + skipped * QueryTile, Panel * QueryTile, 1, scratch.QueryRows, WidthInTiles, scratch.KeyGradient + to, WidthInTiles, accumulate: true);
        }
    }

    /// <summary>Scores → weights p, and the gradient of p → p (gradient − delta), the gradient of the scores; 0 where masked.</summary>
    private static void DifferentiateSoftmax<S, V>(in WorkerScratch scratch, QueryTileRange range, int key, int count)
        where S : struct, ISimd<V>
        where V : struct
    {
        var (hidden, open) = range.Rows(key, count);
        var zero = S.Create(0);
        new Span<float>(scratch.Weights, hidden * QueryTile).Clear();
        new Span<float>(scratch.ScoreGradient, hidden * QueryTile).Clear();
        for (var column = 0; column < QueryTile; column += S.Count)
        {
            var last = S.Load(scratch.LastKeys + column);
            var logSumExp = S.Load(scratch.LogSumExp + column);
            var delta = S.Load(scratch.Delta + column);
            for (var row = hidden; row < count; row++)
            {
                var at = row * QueryTile + column;
                var weight = Simd<S, V>.Exp(S.Subtract(S.Load(scratch.Weights + at), logSumExp));
                if (row >= open)
                {
                    weight = S.WhereLess(last, S.Create(key + row), zero, weight);
                }

                S.Store(weight, scratch.Weights + at);
                S.Store(S.Multiply(weight, S.Subtract(S.Load(scratch.ScoreGradient + at), delta)), scratch.ScoreGradient + at);
            }
        }
    }

    private void WriteQueryGradient(in WorkerScratch scratch, int batch, int head, int window, int slot)
    {
        // The packed queries are used up: their place takes the gradient's rows.
        Transposition.Copy(scratch.QueryGradientColumns, QueryTile, Width, QueryTile, scratch.QueryRows, WidthInTiles);
        var count = Math.Min(QueryTile, Shape.Slots - slot);
        for (var i = 0; i < count; i++)
        {
            var to = QueryGradient.At(batch, window * Shape.Slots + slot + i, head);
            HeadRow.Copy(scratch.QueryRows + i * WidthInTiles, to, Width, Scale, Rope, PositionOf(window, slot + i), inverse: true);
        }
    }

    private void WriteKeyGradients(in WorkerScratch scratch, int batch, int head)
    {
        for (var key = PastKeyGradient.IsPresent ? 0 : Shape.Past; key < Shape.Keys; key++)
        {
            var isPast = key < Shape.Past;
            var keyTo = isPast ? PastKeyGradient.At(batch, key, head) : KeyGradient.At(batch, key - Shape.Past, head);
            var valueTo = isPast ? PastValueGradient.At(batch, key, head) : ValueGradient.At(batch, key - Shape.Past, head);
            var from = (nint)key * WidthInTiles;
            HeadRow.Copy(scratch.KeyGradient + from, keyTo, Width, 1f, Rope, key, inverse: true);
            HeadRow.Copy(scratch.ValueGradient + from, valueTo, Width, 1f, null, 0);
        }
    }

    private struct WorkerScratch
    {
        public float* KeyPanels;
        public float* ValuePanels;
        public float* KeyRows;
        public float* KeyGradient;
        public float* ValueGradient;
        public float* QueryRows;
        public float* QueryColumns;
        public float* OutputGradientRows;
        public float* OutputGradientColumns;
        public float* QueryGradientColumns;
        public float* Weights;
        public float* ScoreGradient;
        public float* LastKeys;
        public float* LogSumExp;
        public float* Delta;
    }
}
