using Baka.Graph.Ops;

namespace Baka.Graph.Reference;

/// <summary>Attention score by score, in double precision.</summary>
internal static class AttentionReference
{
    public static void Forward(Evaluation e, Attention op)
    {
        var at = new Layout(e, op);
        ForEachQuery(at, (b, head, query) =>
        {
            var scores = at.Scores(b, head, query);
            if (scores.Count == 0)
            {
                return;
            }

            var max = scores.Max(s => s.Score);
            var lse = max + Math.Log(scores.Sum(s => Math.Exp(s.Score - max)));
            e.Floats(1)[(b * op.Heads + head) * at.Slots + query] = (float)lse;
            for (var j = 0; j < at.HeadWidth; j++)
            {
                e.Floats(0)[at.Now(b, query, head) + j] = (float)scores.Sum(s => Math.Exp(s.Score - lse) * at.Value(b, s.Slot, head, j));
            }
        });
    }

    public static void Backward(Evaluation e, AttentionBackward op)
    {
        var at = new Layout(e, op.Forward);
        var n = e.InputCount;
        var (o, upstream) = (e.In(n - 3), e.In(n - 1));
        var dq = new double[at.Rows * at.Slots * at.Width];
        var (dk, dv) = (new double[at.Rows * at.Stream * at.Width], new double[at.Rows * at.Stream * at.Width]);
        ForEachQuery(at, (b, head, query) =>
        {
            var scores = at.Scores(b, head, query);
            if (scores.Count == 0)
            {
                return;
            }

            var max = scores.Max(s => s.Score);
            var lse = max + Math.Log(scores.Sum(s => Math.Exp(s.Score - max)));
            var here = at.Now(b, query, head);
            var window = query / at.WindowSlots;
            var delta = 0.0;
            for (var j = 0; j < at.HeadWidth; j++)
            {
                delta += (double)o[here + j] * upstream[here + j];
            }

            foreach (var (slot, score) in scores)
            {
                var p = Math.Exp(score - lse);
                var dp = 0.0;
                for (var j = 0; j < at.HeadWidth; j++)
                {
                    dp += upstream[here + j] * at.Value(b, slot, head, j);
                }

                var ds = p * (dp - delta) / Math.Sqrt(at.HeadWidth);
                var keepsGradient = !op.Forward.DetachPast || slot >= at.Past + window * at.WindowSlots;
                for (var j = 0; j < at.HeadWidth; j++)
                {
                    // d(R_a q · R_b k): rotate the other operand back by the difference of the positions.
                    dq[here + j] += ds * at.Rotated(at.KeyAt(b, slot, head), slot - at.QueryPosition(query), j);
                    if (keepsGradient)
                    {
                        var there = (b * at.Stream + slot) * at.Width + head * at.HeadWidth + j;
                        dk[there] += ds * at.Rotated(at.QueryAt(b, query, head), at.QueryPosition(query) - slot, j);
                        dv[there] += p * upstream[here + j];
                    }
                }
            }
        });

        Store(e, 0, dq, 0, at.Slots * at.Width, at.Rows);
        Store(e, 1, dk, at.Past, at.Slots * at.Width, at.Rows, at);
        Store(e, 2, dv, at.Past, at.Slots * at.Width, at.Rows, at);
        if (op.PastGradient)
        {
            Store(e, 3, dk, 0, at.Past * at.Width, at.Rows, at);
            Store(e, 4, dv, 0, at.Past * at.Width, at.Rows, at);
        }
    }

    private static void Store(Evaluation e, int output, double[] from, int firstSlot, int length, int rows, Layout? stream = null)
    {
        for (var b = 0; b < rows; b++)
        {
            for (var i = 0; i < length; i++)
            {
                var source = stream is null ? b * length + i : (b * stream.Stream + firstSlot) * stream.Width + i;
                e.Floats(output)[b * length + i] = (float)from[source];
            }
        }
    }

    private static void ForEachQuery(Layout at, Action<int, int, int> action)
    {
        for (var b = 0; b < at.Rows; b++)
        {
            for (var head = 0; head < at.Heads; head++)
            {
                for (var query = 0; query < at.Slots; query++)
                {
                    action(b, head, query);
                }
            }
        }
    }

    /// <summary>Finds elements of q and of the key stream.</summary>
    private sealed class Layout
    {
        private readonly Evaluation _e;
        private readonly Attention _op;
        private readonly (double Cos, double Sin)[] _angles;

        public Layout(Evaluation e, Attention op)
        {
            _e = e;
            _op = op;
            var v = e.InShape(2);
            (Rows, Slots, Width, Heads) = (v[0], v[1], v[2], op.Heads);
            HeadWidth = Width / Heads;
            WindowSlots = Slots / op.Windows;
            Past = e.InputCount is 8 or 11 ? e.InShape(6)[1] : 0;
            Stream = Past + Slots;
            _angles = op.Theta == 0 ? [] : Angles();
        }

        public int Rows { get; }

        public int Slots { get; }

        public int Width { get; }

        public int Heads { get; }

        public int HeadWidth { get; }

        public int WindowSlots { get; }

        public int Past { get; }

        public int Stream { get; }

        /// <summary>Where a head's vector begins in what is h·f wide.</summary>
        public int Now(int b, int slot, int head) => (b * Slots + slot) * Width + head * HeadWidth;

        public int QueryPosition(int query) => query / WindowSlots * WindowSlots + _e.IntsIn(5)[query % WindowSlots];

        public (float[] Data, int Start) QueryAt(int b, int query, int head) => Vector(0, b, query, head);

        public (float[] Data, int Start) KeyAt(int b, int slot, int head) => At(1, 6, b, slot, head);

        public double Value(int b, int slot, int head, int j)
        {
            var (data, start) = At(2, 7, b, slot, head);
            return data[start + j];
        }

        /// <summary>Element j of a head's vector rotated to a position.</summary>
        public double Rotated((float[] Data, int Start) vector, int position, int j)
        {
            var (data, start) = vector;
            if (_op.Theta == 0)
            {
                return data[start + j];
            }

            var pair = j / 2 * 2;
            var (cos, sin) = _angles[(position + Stream) * HeadWidth / 2 + j / 2];
            double x = data[start + pair], y = data[start + pair + 1];
            return j == pair ? x * cos - y * sin : x * sin + y * cos;
        }

        /// <summary>The visible stream slots of a query with their scaled scores.</summary>
        public List<(int Slot, double Score)> Scores(int b, int head, int query)
        {
            var window = query / WindowSlots;
            var start = window * WindowSlots;
            var first = start + _e.IntsIn(3)[b * _op.Windows + window];
            var last = Math.Min(start + _e.IntsIn(4)[query % WindowSlots], start + Past + WindowSlots - 1);
            var (queries, q) = QueryAt(b, query, head);
            var scores = new List<(int, double)>();
            for (var slot = Math.Max(first, start); slot <= last; slot++)
            {
                var score = 0.0;
                for (var j = 0; j < HeadWidth; j++)
                {
                    score += queries[q + j] * Rotated(KeyAt(b, slot, head), slot - QueryPosition(query), j);
                }

                scores.Add((slot, score / Math.Sqrt(HeadWidth)));
            }

            return scores;
        }

        /// <summary>Of every distance of two positions, forward and backward, and every pair of elements.</summary>
        private (double Cos, double Sin)[] Angles()
        {
            var pairs = HeadWidth / 2;
            var angles = new (double, double)[(2 * Stream + 1) * pairs];
            for (var i = 0; i < angles.Length; i++)
            {
                var angle = (i / pairs - Stream) * Math.Pow(_op.Theta, -2.0 * (i % pairs) / HeadWidth);
                angles[i] = (Math.Cos(angle), Math.Sin(angle));
            }

            return angles;
        }

        private (float[] Data, int Start) At(int now, int past, int b, int slot, int head) =>
            slot < Past ? Vector(past, b, slot, head) : Vector(now, b, slot - Past, head);

        /// <summary>A head's vector, or the one that all heads share.</summary>
        private (float[] Data, int Start) Vector(int input, int b, int slot, int head)
        {
            var shape = _e.InShape(input);
            return (_e.In(input), (b * shape[1] + slot) * shape[2] + (shape[2] == HeadWidth ? 0 : head * HeadWidth));
        }
    }
}
