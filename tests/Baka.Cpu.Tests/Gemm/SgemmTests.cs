using Baka.Cpu.Gemm;
using Baka.Cpu.Tests.Threading;
using Baka.Cpu.Threading;

namespace Baka.Cpu.Tests.Gemm;

public sealed unsafe class SgemmTests : IDisposable
{
    private static readonly Layout[] InputLayouts = Enum.GetValues<Layout>();
    private static readonly Layout[] OutputLayouts = [Layout.ByRows, Layout.ByColumns, Layout.SpacedRows, Layout.SpacedColumns];

    private readonly ThreadTeam[] _teams = [new(1), new(2), new(3)];

    public static TheoryData<int> Widths => [128, 256, 512];

    public void Dispose()
    {
        foreach (var team in _teams) team.Dispose();
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Small_products_equal_the_naive_one_at_every_edge_size(int width)
    {
        var random = new Random(1);
        int[] rows = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 25];
        int[] depths = [1, 2, 3, 4, 5, 7, 16, 17, 33];
        foreach (var m in rows)
        {
            foreach (var k in depths)
            {
                for (var n = 1; n <= 33; n++) Check(width, random, _teams[0], m, n, k);
            }
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Random_sizes_equal_the_naive_product_on_any_team(int width)
    {
        var random = new Random(2);
        for (var i = 0; i < 120; i++)
        {
            Check(width, random, _teams[i % 3], random.Next(1, 200), random.Next(1, 200), random.Next(1, 200));
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Sizes_of_several_cache_blocks_equal_the_naive_product_on_any_team(int width)
    {
        var random = new Random(3);
        (int M, int N, int K)[] sizes =
            [(700, 37, 521), (35, 4500, 270), (53, 61, 2111), (1030, 65, 129), (4, 700, 1033), (1, 1025, 517), (70_000, 3, 1), (5, 140_001, 3)];
        foreach (var (m, n, k) in sizes)
        {
            foreach (var team in _teams) Check(width, random, team, m, n, k);
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Every_pair_of_layouts_gives_the_same_product(int width)
    {
        var random = new Random(4);
        (int M, int N, int K)[] sizes = [(29, 71, 83), (3, 50, 40), (64, 1, 33), (1, 1, 9)];
        foreach (var (m, n, k) in sizes)
        {
            foreach (var a in InputLayouts)
            {
                foreach (var b in InputLayouts)
                {
                    foreach (var c in OutputLayouts)
                    {
                        Check(width, random, _teams[1], m, n, k, a, b, c, accumulate: false);
                        Check(width, random, _teams[1], m, n, k, a, b, c, accumulate: true);
                    }
                }
            }
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void Rows_of_an_input_may_overlap(int width)
    {
        var random = new Random(5);
        foreach (var (m, n, k, stride) in new[] { (50, 40, 24, 8), (3, 40, 24, 8), (130, 20, 4, 1), (20, 70, 300, 100) })
        {
            using var a = new GuardedMatrix(m, k, Layout.ByRows, random, rowStride: stride);
            using var b = new GuardedMatrix(k, n, Layout.ByColumns, random);
            using var c = new GuardedMatrix(m, n, Layout.ByRows, null);
            GemmRun.Multiply(Engine(width), _teams[1], GemmProblem.Create(m, n, k, a.View, b.View, c.View, false));
            AssertProduct(m, n, k, a, b, c, before: null);
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void A_depth_of_zero_clears_the_result_or_leaves_it(int width)
    {
        foreach (var team in _teams)
        {
            using var c = new GuardedMatrix(5, 7, Layout.SpacedRows, null);
            var none = new Matrix(null, 1, 1);
            GemmRun.Multiply(Engine(width), team, GemmProblem.Create(5, 7, 0, none, none, c.View, false));
            Assert.All(c.Values(), value => Assert.Equal(0f, value));
            c.AssertOnlyElementsWereWritten();

            *c.View.At(2, 3).Data = 4f;
            GemmRun.Multiply(Engine(width), team, GemmProblem.Create(5, 7, 0, none, none, c.View, true));
            Assert.Equal(4f, c[2, 3]);
        }
    }

    [Theory]
    [MemberData(nameof(Widths))]
    public void The_same_product_on_the_same_team_gives_the_same_bits(int width)
    {
        foreach (var (m, n, k) in new[] { (217, 193, 700), (64, 1000, 300), (1, 900, 300) })
        {
            foreach (var team in _teams)
            {
                var random = new Random(6);
                using var a = new GuardedMatrix(m, k, Layout.ByRows, random);
                using var b = new GuardedMatrix(k, n, Layout.ByColumns, random);
                using var first = new GuardedMatrix(m, n, Layout.ByRows, null);
                GemmRun.Multiply(Engine(width), team, GemmProblem.Create(m, n, k, a.View, b.View, first.View, false));
                for (var i = 0; i < 5; i++)
                {
                    using var again = new GuardedMatrix(m, n, Layout.ByRows, null);
                    GemmRun.Multiply(Engine(width), team, GemmProblem.Create(m, n, k, a.View, b.View, again.View, false));
                    Assert.Equal(first.Values(), again.Values());
                }
            }
        }
    }

    [Fact]
    public void Threads_may_multiply_at_the_same_time()
    {
        Parallel.For(0, 64, new ParallelOptions { MaxDegreeOfParallelism = 4 }, i =>
        {
            var random = new Random(i);
            Check(Sgemm.VectorBits, random, team: null, random.Next(1, 90), random.Next(1, 90), random.Next(1, 400));
        });
    }

    [Fact]
    public void A_repeated_product_allocates_nothing()
    {
        var random = new Random(7);
        using var a = new GuardedMatrix(300, 300, Layout.ByRows, random);
        using var b = new GuardedMatrix(300, 300, Layout.ByColumns, random);
        using var c = new GuardedMatrix(300, 300, Layout.ByRows, random);
        var allocations = new ThreadAllocations(_teams[1]);
        MultiplyInEveryWay();
        allocations.Total();
        var before = allocations.Total();
        MultiplyInEveryWay();
        Assert.Equal(0, allocations.Total() - before);

        void MultiplyInEveryWay()
        {
            Sgemm.Multiply(_teams[1], 300, 300, 300, a.View, b.View, c.View, accumulate: true);
            Sgemm.Multiply(_teams[1], 20, 300, 300, a.View, b.View.Transposed, c.View);
            Sgemm.Multiply(_teams[1], 1, 300, 300, a.View, b.View, c.View);
            Sgemm.MultiplySingle(300, 300, 300, a.View, b.View, c.View);
        }
    }

    [Fact]
    public void A_result_without_contiguous_rows_or_columns_is_refused()
    {
        using var x = new GuardedMatrix(3, 3, Layout.Scattered, new Random(8));
        Assert.Throws<ArgumentException>(() => Sgemm.MultiplySingle(3, 3, 3, x.View, x.View, x.View));
        Assert.Throws<ArgumentException>(() => Sgemm.MultiplySingle(-1, 3, 3, x.View, x.View, x.View));
    }

    private static GemmEngine Engine(int width) =>
        width switch { 128 => GemmEngine.Bits128, 256 => GemmEngine.Bits256, _ => GemmEngine.Bits512 };

    private static void Check(int width, Random random, ThreadTeam? team, int m, int n, int k) => Check(
        width, random, team, m, n, k,
        InputLayouts[random.Next(InputLayouts.Length)], InputLayouts[random.Next(InputLayouts.Length)],
        OutputLayouts[random.Next(OutputLayouts.Length)], random.Next(2) == 1);

    private static void Check(
        int width, Random random, ThreadTeam? team, int m, int n, int k, Layout layoutA, Layout layoutB, Layout layoutC, bool accumulate)
    {
        using var a = new GuardedMatrix(m, k, layoutA, random);
        using var b = new GuardedMatrix(k, n, layoutB, random);

        // Without accumulation C's elements begin as NaN, which must not survive.
        using var c = new GuardedMatrix(m, n, layoutC, accumulate ? random : null);
        var before = accumulate ? c.Values() : null;
        var problem = GemmProblem.Create(m, n, k, a.View, b.View, c.View, accumulate);
        if (team is null) Engine(width).Run(problem);
        else GemmRun.Multiply(Engine(width), team, problem);
        AssertProduct(m, n, k, a, b, c, before);
    }

    private static void AssertProduct(int m, int n, int k, GuardedMatrix a, GuardedMatrix b, GuardedMatrix c, float[]? before)
    {
        const double Epsilon = 1.0 / (1 << 24);
        var rows = a.Values();
        var columns = b.Values(byColumns: true);
        for (var i = 0; i < m; i++)
        {
            for (var j = 0; j < n; j++)
            {
                double expected = before?[i * n + j] ?? 0;
                var magnitude = Math.Abs(expected);
                for (var p = 0; p < k; p++)
                {
                    var product = (double)rows[i * k + p] * columns[j * k + p];
                    expected += product;
                    magnitude += Math.Abs(product);
                }

                // The bound on the error of a sum of k products and the old value, in any order (Higham 2002, section 3.1).
                var error = Math.Abs(c[i, j] - expected);
                if (error <= (k + 1) * Epsilon * magnitude) continue;
                Assert.Fail($"Element ({i}, {j}) of a {m} x {n} x {k} product is {c[i, j]}, not {expected}.");
            }
        }

        c.AssertOnlyElementsWereWritten();
    }
}
