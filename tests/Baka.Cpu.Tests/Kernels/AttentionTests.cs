using Baka.Cpu.Kernels;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Tests.Kernels;

public sealed unsafe class AttentionTests
{
    public enum Mask
    {
        Causal,
        Rmt,
        Everything,
        Ragged,
    }

    /// <summary>B, W, S, P, h, f, θ (0: no rotation), mask, detachPast, gradient of the past wanted, threads, vector bits.</summary>
    public static IEnumerable<object[]> Cases =>
    [
        [1, 1, 1, 0, 1, 8, 10000, Mask.Causal, false, true, 1, 512],
        [1, 1, 1, 37, 3, 16, 10000, Mask.Causal, false, true, 2, 512],
        [2, 1, 1, 9, 2, 10, 0, Mask.Causal, false, true, 2, 256],
        [1, 2, 2, 5, 2, 24, 10000, Mask.Everything, true, true, 3, 128],
        [1, 1, 5, 0, 1, 8, 10000, Mask.Causal, false, false, 1, 512],
        [2, 3, 7, 7, 2, 10, 10000, Mask.Causal, false, true, 3, 512],
        [2, 3, 7, 7, 2, 10, 100, Mask.Causal, true, true, 2, 256],
        [1, 2, 33, 20, 1, 64, 10000, Mask.Causal, false, true, 1, 512],
        [3, 2, 33, 33, 2, 32, 10000, Mask.Rmt, false, true, 2, 512],
        [2, 2, 40, 40, 3, 34, 10000, Mask.Rmt, true, false, 2, 512],
        [2, 1, 70, 90, 2, 48, 10000, Mask.Ragged, false, true, 3, 512],
        [2, 3, 21, 50, 2, 16, 0, Mask.Ragged, false, false, 2, 128],
        [2, 3, 41, 21, 2, 64, 10000, Mask.Ragged, true, true, 2, 256],
        [1, 2, 65, 130, 1, 64, 10000, Mask.Everything, false, true, 2, 512],
        [2, 2, 64, 64, 1, 12, 10000, Mask.Causal, true, true, 2, 128],
    ];

    [Theory]
    [MemberData(nameof(Cases))]
    public void Attention_equals_its_definition_forward_and_backward(
        int b, int w, int s, int p, int h, int f, double theta, Mask mask, bool detachPast, bool wantPast, int threads, int bits)
    {
        foreach (var start in new[] { FirstKeys.All, FirstKeys.Some })
        {
            using var bench = new Bench(new AttentionShape(b, w, s, h, f, p), theta, mask, start, detachPast, wantPast, threads, bits, seed: 7);
            bench.Run();
            var (o, lse) = bench.Reference.Forward(bench.Q.ToArray(), bench.KeyStream, bench.ValueStream);
            Close.Assert(o, bench.O.ToArray(), 1e-5, "o");
            Close.Assert(lse, bench.LogSumExp.Data.ToDoubles(), 1e-5, "log-sum-exp");
            var (dq, dk, dv) = bench.Reference.Backward(bench.Q.ToArray(), bench.KeyStream, bench.ValueStream, bench.DO.ToArray(), detachPast);
            Close.Assert(dq, bench.DQ.ToArray(), 2e-5, "dq");
            bench.AssertStream(dk, bench.DK, bench.DPastK, "dk");
            bench.AssertStream(dv, bench.DV, bench.DPastV, "dv");
            foreach (var rows in new[] { bench.O, bench.DQ, bench.DK, bench.DV, bench.DPastK, bench.DPastV })
            {
                rows.AssertMarginsUntouched();
            }
        }
    }

    [Theory]
    [InlineData(1, 2, 5, 4, 2, 8, Mask.Causal, false)]
    [InlineData(2, 2, 5, 3, 1, 4, Mask.Causal, true)]
    [InlineData(1, 2, 6, 6, 1, 4, Mask.Rmt, true)]
    [InlineData(1, 1, 6, 3, 1, 6, Mask.Ragged, false)]
    public void The_gradient_equals_finite_differences(int b, int w, int s, int p, int h, int f, Mask mask, bool detachPast)
    {
        using var bench = new Bench(new AttentionShape(b, w, s, h, f, p), 10000, mask, FirstKeys.Some, detachPast, wantPast: true, threads: 2, bits: 512, seed: 3);
        bench.Run();
        var (q, k, v, dO) = (bench.Q.ToArray(), bench.KeyStream, bench.ValueStream, bench.DO.ToArray());
        var foreignK = detachPast ? (double[])k.Clone() : k;
        var foreignV = detachPast ? (double[])v.Clone() : v;
        double Loss() => bench.Reference.Forward(q, k, v, foreignK, foreignV).O.Zip(dO, (x, y) => x * y).Sum();

        Close.Assert(Differences.Of(Loss, q), bench.DQ.ToArray(), 1e-5, "dq");
        bench.AssertStream(Differences.Of(Loss, k), bench.DK, bench.DPastK, "dk");
        bench.AssertStream(Differences.Of(Loss, v), bench.DV, bench.DPastV, "dv");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(40)]
    public void A_masked_key_may_hold_anything(int slots)
    {
        var shape = new AttentionShape(2, 1, slots, 2, 16, 20);
        foreach (var garbage in new[] { float.NaN, float.PositiveInfinity, 1e30f })
        {
            using var clean = new Bench(shape, 10000, Mask.Causal, FirstKeys.Some, false, true, 2, 512, seed: 5);
            using var dirty = new Bench(shape, 10000, Mask.Causal, FirstKeys.Some, false, true, 2, 512, seed: 5);
            var row = shape.Heads * shape.HeadWidth;
            for (var b = 0; b < shape.Batch; b++)
            {
                for (var i = 0; i < Math.Min(shape.Past, dirty.First.Data[b]) * row; i++)
                {
                    dirty.PastK.At(b * shape.Past * row + i) = garbage;
                    dirty.PastV.At(b * shape.Past * row + i) = garbage;
                }
            }

            Assert.Contains(dirty.First.Data, first => first > 0);
            clean.Run();
            dirty.Run();
            Assert.Equal(clean.O.ToArray(), dirty.O.ToArray());
            Assert.Equal(clean.DQ.ToArray(), dirty.DQ.ToArray());
            Assert.Equal(clean.DK.ToArray(), dirty.DK.ToArray());
            Assert.Equal(clean.DPastV.ToArray(), dirty.DPastV.ToArray());
        }
    }

    [Fact]
    public void A_key_that_is_not_finite_reaches_the_queries_that_see_it_and_no_others()
    {
        var shape = new AttentionShape(1, 2, 40, 1, 8, 40);
        using var clean = new Bench(shape, 10000, Mask.Causal, FirstKeys.All, false, true, 1, 512, seed: 5);
        using var dirty = new Bench(shape, 10000, Mask.Causal, FirstKeys.All, false, true, 1, 512, seed: 5);
        const int BadSlot = 13;
        dirty.V.At(BadSlot * shape.HeadWidth + 3) = float.NaN;
        clean.Run();
        dirty.Run();
        for (var query = 0; query < shape.Queries; query++)
        {
            var sees = dirty.Reference.Sees(0, query / shape.Slots, query % shape.Slots, shape.Past + BadSlot);
            for (var c = 0; c < shape.HeadWidth; c++)
            {
                var at = query * shape.HeadWidth + c;
                Assert.Equal(sees ? float.NaN : clean.O.At(at), dirty.O.At(at));
            }
        }
    }

    [Fact]
    public void A_query_that_sees_nothing_gives_exactly_zero_and_no_gradient_whatever_it_holds()
    {
        var shape = new AttentionShape(1, 1, 37, 1, 8, 4);
        using var bench = new Bench(shape, 10000, Mask.Causal, FirstKeys.All, false, true, 1, 512, seed: 5);
        bench.First.Data[0] = shape.Past + 5;
        var blind = 5 * shape.HeadWidth;
        for (var i = 0; i < blind; i++)
        {
            bench.Q.At(i) = float.NaN;
            bench.DO.At(i) = float.NaN;
        }

        bench.Run();
        Assert.All(bench.O.ToArray()[..blind], x => Assert.Equal(0.0, x));
        Assert.All(bench.DQ.ToArray()[..blind], x => Assert.Equal(0.0, x));
        Assert.All(bench.LogSumExp.Data[..5], x => Assert.Equal(0f, x));
        Assert.DoesNotContain(bench.DK.ToArray(), double.IsNaN);
        Assert.DoesNotContain(bench.DV.ToArray(), double.IsNaN);
    }

    [Fact]
    public void The_number_of_threads_changes_no_bit_and_steady_runs_allocate_nothing()
    {
        var shape = new AttentionShape(2, 2, 40, 3, 32, 40);
        using var one = new Bench(shape, 10000, Mask.Rmt, FirstKeys.Some, false, true, threads: 1, bits: 512, seed: 9);
        using var three = new Bench(shape, 10000, Mask.Rmt, FirstKeys.Some, false, true, threads: 3, bits: 512, seed: 9);
        one.Run();
        three.Run();
        Assert.Equal(one.O.ToArray(), three.O.ToArray());
        Assert.Equal(one.DQ.ToArray(), three.DQ.ToArray());
        Assert.Equal(one.DK.ToArray(), three.DK.ToArray());
        Assert.Equal(one.DPastV.ToArray(), three.DPastV.ToArray());

        one.Run();
        var before = GC.GetAllocatedBytesForCurrentThread();
        one.Run();
        Assert.Equal(before, GC.GetAllocatedBytesForCurrentThread());
    }

    [Fact]
    public void A_rotary_table_that_is_too_short_is_refused()
    {
        using var rope = new RopeTable(10, 8, 10000);
        Assert.Throws<ArgumentException>(() => new AttentionForward(new AttentionShape(1, 1, 8, 1, 8, 3), rope, 1));
    }

    private enum FirstKeys
    {
        All,
        Some,
    }

    /// <summary>Random inputs, both kernels bound to them, and the reference.</summary>
    private sealed class Bench : IDisposable
    {
        private readonly AttentionShape _shape;
        private readonly bool _wantPast;
        private readonly ThreadTeam _team;
        private readonly RopeTable? _rope;
        private readonly AttentionForward _forward;
        private readonly AttentionBackward _backward;
        private readonly TestIntegers _last;
        private readonly TestIntegers _queryPosition;

        public Bench(AttentionShape shape, double theta, Mask mask, FirstKeys start, bool detachPast, bool wantPast, int threads, int bits, int seed)
        {
            var random = new Random(seed);
            var row = shape.Heads * shape.HeadWidth;
            (_shape, _wantPast) = (shape, wantPast);
            _team = new ThreadTeam(threads);
            _rope = theta > 0 ? new RopeTable(shape.Keys, shape.HeadWidth, theta) : null;
            TestRows Now(bool filled) => filled ? TestRows.Random(random, shape.Batch, shape.Queries, row) : new TestRows(shape.Batch, shape.Queries, row);
            TestRows Old(bool filled) => filled ? TestRows.Random(random, shape.Batch, shape.Past, row) : new TestRows(shape.Batch, shape.Past, row);
            (Q, K, V, DO) = (Now(true), Now(true), Now(true), Now(true));
            (O, DQ, DK, DV) = (Now(false), Now(false), Now(false), Now(false));
            (PastK, PastV, DPastK, DPastV) = (Old(true), Old(true), Old(false), Old(false));
            LogSumExp = new TestMemory(shape.Batch * shape.Heads * shape.Queries);

            int[] starts = start == FirstKeys.All ? [0] : [shape.Past / 2, 0, shape.Past, shape.Past + shape.Slots / 3, 1];
            First = new TestIntegers([.. Enumerable.Range(0, shape.Batch * shape.Windows).Select(i => starts[i % starts.Length])]);
            _last = new TestIntegers([.. Enumerable.Range(0, shape.Slots).Select(i => LastKey(mask, i, random))]);
            _queryPosition = new TestIntegers([.. Enumerable.Range(0, shape.Slots).Select(i => (mask == Mask.Ragged ? 0 : shape.Past) + i)]);
            Reference = new AttentionReference(shape, theta, First.Data, _last.Data, _queryPosition.Data);

            var width = shape.HeadWidth;
            _forward = new AttentionForward(shape, _rope, threads) { VectorBits = bits, Output = O.Heads(width), LogSumExp = LogSumExp.Pointer };
            _backward = new AttentionBackward(shape, _rope, threads, detachPast)
            {
                VectorBits = bits,
                Output = O.Heads(width),
                LogSumExp = LogSumExp.Pointer,
                OutputGradient = DO.Heads(width),
                QueryGradient = DQ.Heads(width),
                KeyGradient = DK.Heads(width),
                ValueGradient = DV.Heads(width),
                PastKeyGradient = wantPast ? DPastK.Heads(width) : default,
                PastValueGradient = wantPast ? DPastV.Heads(width) : default,
            };
            foreach (var kernel in new AttentionKernel[] { _forward, _backward })
            {
                (kernel.Query, kernel.Key, kernel.Value, kernel.PastKey, kernel.PastValue) = (Q.Heads(width), K.Heads(width), V.Heads(width), PastK.Heads(width), PastV.Heads(width));
                kernel.First = First.Pointer;
                kernel.Last = _last.Pointer;
                kernel.QueryPosition = _queryPosition.Pointer;
            }
        }

        public TestRows Q { get; }

        public TestRows K { get; }

        public TestRows V { get; }

        public TestRows PastK { get; }

        public TestRows PastV { get; }

        public TestRows O { get; }

        public TestRows DO { get; }

        public TestRows DQ { get; }

        public TestRows DK { get; }

        public TestRows DV { get; }

        public TestRows DPastK { get; }

        public TestRows DPastV { get; }

        public TestMemory LogSumExp { get; }

        public TestIntegers First { get; }

        public AttentionReference Reference { get; }

        public double[] KeyStream => Stream(PastK, K);

        public double[] ValueStream => Stream(PastV, V);

        public void Run()
        {
            _forward.Run(_team);
            _backward.Run(_team);
        }

        public void AssertStream(double[] expected, TestRows now, TestRows past, string what)
        {
            var row = _shape.Heads * _shape.HeadWidth;
            double[] Part(int from, int count) => [.. Enumerable.Range(0, _shape.Batch).SelectMany(b => expected.Skip((b * _shape.Keys + from) * row).Take(count * row))];
            Close.Assert(Part(_shape.Past, _shape.Queries), now.ToArray(), 2e-5, what);
            if (_wantPast)
            {
                Close.Assert(Part(0, _shape.Past), past.ToArray(), 2e-5, what + " of the past");
            }
            else
            {
                Assert.All(past.ToArray(), x => Assert.True(double.IsNaN(x)));
            }
        }

        public void Dispose()
        {
            _forward.Dispose();
            _backward.Dispose();
            _rope?.Dispose();
            _team.Dispose();
        }

        private int LastKey(Mask mask, int slot, Random random)
        {
            var memory = Math.Max(1, _shape.Slots / 5);
            return mask switch
            {
                Mask.Everything => _shape.Past + _shape.Slots - 1,
                Mask.Ragged => random.Next(-2, _shape.Past + _shape.Slots + 2),
                Mask.Rmt when slot < memory => _shape.Past + memory - 1,
                Mask.Rmt when slot >= _shape.Slots - memory => _shape.Past + _shape.Slots - 1,
                _ => _shape.Past + slot,
            };
        }

        private double[] Stream(TestRows past, TestRows now)
        {
            var row = _shape.Heads * _shape.HeadWidth;
            var (a, b) = (past.ToArray(), now.ToArray());
            return [.. Enumerable.Range(0, _shape.Batch).SelectMany(i =>
                a.Skip(i * _shape.Past * row).Take(_shape.Past * row).Concat(b.Skip(i * _shape.Queries * row).Take(_shape.Queries * row)))];
        }
    }
}
