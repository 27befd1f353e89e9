using Baka.Cpu.Threading;

namespace Baka.Cpu.Gemm;

/// <summary>
/// The product by blocks, after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008):
/// a block of B (depth × columns) is packed for the whole team and stays in the last-level cache; every worker packs
/// blocks of A (rows × depth) that stay in its L2 cache; a panel of B stays in L1 while the panels of A run past it.
/// </summary>
internal sealed unsafe class GemmEngine<TSimd, TVector> : GemmEngine
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    private const int FarFloats = 128 * 1024;
    private const int FewRows = 4;

    private static int TileRows => TSimd.TileRows;

    private static int TileColumns => 2 * TSimd.Width;

    // Rows are shared out in thirds of a tile: the shares come out more even, and a tile two thirds high is nearly as fast.
    private static int RowGrain => TileRows / 3;

    public override int VectorBits => TSimd.Width * 32;

    public override nint SharedLength(in GemmProblem problem, int workers)
    {
        if (HasDots(problem)) return 0;
        var depth = Balance(problem.K, TSimd.BlockDepth, 1);
        if (HasDirectB(problem)) return 0;
        return (workers > 1 ? 2 : 1) * depth * (nint)BlockColumns(problem.N, depth);
    }

    public override void Run(in GemmProblem problem, ThreadTeam? team, int worker, int workers, float* shared)
    {
        if (problem.K == 0)
        {
            Clear(problem, worker, workers);
        }
        else if (HasDots(problem))
        {
            RunDots(problem, worker, workers);
        }
        else if (HasDirectB(problem))
        {
            RunDirect(problem, worker, workers);
        }
        else
        {
            RunBlocks(problem, team, worker, workers, shared);
        }
    }

    /// <summary>Few rows of A against the rows of Bᵀ.</summary>
    private static bool HasDots(in GemmProblem problem) =>
        problem.M <= FewRows && problem.B.RowStride == 1 && (problem.A.ColumnStride == 1 || problem.K == 1);

    /// <summary>Each panel of B is used by so few tiles that they read it where it lies.</summary>
    private static bool HasDirectB(in GemmProblem problem) => problem.M <= 2 * TileRows && (problem.B.ColumnStride == 1 || problem.N == 1);

    private static void Clear(in GemmProblem problem, int worker, int workers)
    {
        if (problem.Accumulate) return;
        var (start, end) = ThreadTeam.Share(problem.M, worker, workers);
        for (var i = start; i < end; i++) new Span<float>(problem.C.At(i, 0).Data, problem.N).Clear();
    }

    private static void RunDots(in GemmProblem problem, int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(problem.N, worker, workers, TSimd.Width);
        var a = problem.A;
        var b = problem.B.At(0, start);
        var c = problem.C.At(0, start);
        Tiles<TSimd, TVector>.Dots[problem.M](
            end - start, problem.K, a.Data, a.RowStride, b.Data, b.ColumnStride, c.Data, c.RowStride, problem.Accumulate);
    }

    private static void RunDirect(in GemmProblem problem, int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(problem.N, worker, workers, TileColumns);
        var blockDepth = Balance(problem.K, TSimd.BlockDepth, 1);
        var packedA = GemmScratch.OfThisThread.A(problem.M * (nint)blockDepth);
        for (var p = 0; p < problem.K; p += blockDepth)
        {
            var depth = Math.Min(blockDepth, problem.K - p);
            var accumulate = problem.Accumulate || p > 0;
            Panels<TSimd, TVector>.Pack(problem.A.At(0, p), problem.M, depth, TileRows, pad: false, far: false, packedA);
            for (var j = start; j < end; j += TileColumns)
            {
                var b = problem.B.At(p, j);
                var width = Math.Min(TileColumns, end - j);
                if (width == TileColumns)
                {
                    MultiplyPanel(problem.M, depth, packedA, b.Data, b.RowStride, problem.C.At(0, j), width, accumulate);
                }
                else
                {
                    var packedB = GemmScratch.OfThisThread.B(blockDepth * (nint)TileColumns);
                    Panels<TSimd, TVector>.Pack(b.Transposed, width, depth, TileColumns, pad: true, far: false, packedB);
                    MultiplyPanel(problem.M, depth, packedA, packedB, TileColumns, problem.C.At(0, j), width, accumulate);
                }
            }
        }
    }

    private static void RunBlocks(in GemmProblem problem, ThreadTeam? team, int worker, int workers, float* shared)
    {
        var blockDepth = Balance(problem.K, TSimd.BlockDepth, 1);
        var blockColumns = BlockColumns(problem.N, blockDepth);
        var (down, along) = Grid(problem.M, blockColumns, workers);
        var (firstRow, endRow) = ThreadTeam.Share(problem.M, worker / along, down, RowGrain);
        var blockRows = Balance(endRow - firstRow, BlockOfA / blockDepth, TileRows);
        var packedA = GemmScratch.OfThisThread.A(blockRows * (nint)blockDepth);
        var farA = (long)problem.M * problem.K > FarFloats;
        var turn = workers > 1 ? blockDepth * (nint)blockColumns : 0;
        var packedB = shared;

        for (var j = 0; j < problem.N; j += blockColumns)
        {
            var columns = Math.Min(blockColumns, problem.N - j);
            var (firstPacked, endPacked) = ThreadTeam.Share(columns, worker, workers, TileColumns);
            var (firstColumn, endColumn) = ThreadTeam.Share(columns, worker % along, along, TileColumns);
            for (var p = 0; p < problem.K; p += blockDepth)
            {
                var depth = Math.Min(blockDepth, problem.K - p);
                Panels<TSimd, TVector>.Pack(
                    problem.B.At(p, j + firstPacked).Transposed, endPacked - firstPacked, depth, TileColumns, pad: true, far: false,
                    packedB + firstPacked * (nint)depth);

                // One barrier a block is enough: with two buffers in turn, nobody packs over a block that is still read.
                team?.Barrier();

                for (var i = firstRow; i < endRow; i += blockRows)
                {
                    var rows = Math.Min(blockRows, endRow - i);
                    Panels<TSimd, TVector>.Pack(problem.A.At(i, p), rows, depth, TileRows, pad: false, farA, packedA);
                    for (var q = firstColumn; q < endColumn; q += TileColumns)
                    {
                        MultiplyPanel(
                            rows, depth, packedA, packedB + q * (nint)depth, TileColumns,
                            problem.C.At(i, j + q), Math.Min(TileColumns, endColumn - q), problem.Accumulate || p > 0);
                    }
                }

                packedB += turn;
                turn = -turn;
            }
        }
    }

    /// <summary>C [rows, width] = (accumulate ? C : 0) + packed A [rows, depth] · one panel of B [depth, tile columns].</summary>
    private static void MultiplyPanel(int rows, int depth, float* a, float* b, nint bStride, Matrix c, int width, bool accumulate)
    {
        var kernels = Tiles<TSimd, TVector>.ByHeight;
        if (width == TileColumns)
        {
            for (var i = 0; i < rows; i += TileRows)
            {
                kernels[Math.Min(TileRows, rows - i)](depth, a + (nint)i * depth, b, bStride, c.At(i, 0).Data, c.RowStride, accumulate);
            }

            return;
        }

        // The kernel knows whole tiles only: C's narrow edge is computed beside it, so that nothing outside C is touched.
        var edge = stackalloc float[TileRows * TileColumns];
        for (var i = 0; i < rows; i += TileRows)
        {
            var height = Math.Min(TileRows, rows - i);
            kernels[height](depth, a + (nint)i * depth, b, bStride, edge, TileColumns, false);
            for (var r = 0; r < height; r++)
            {
                var from = edge + r * TileColumns;
                var to = c.At(i + r, 0).Data;
                for (var q = 0; q < width; q++) to[q] = accumulate ? to[q] + from[q] : from[q];
            }
        }
    }

    /// <summary>Workers down the rows and along the columns: the grid in which the largest share costs least.</summary>
    private static (int Down, int Along) Grid(int m, int n, int workers)
    {
        // Packing one value of A costs a worker about as much as this many multiply-adds.
        const int PackingCost = 16;
        var best = (Down: workers, Along: 1);
        var bestCost = long.MaxValue;
        for (var down = workers; down >= 1; down--)
        {
            if (workers % down != 0) continue;
            long rows = Balance(m, CeilingDivide(m, down), RowGrain);
            long columns = Balance(n, CeilingDivide(n, workers / down), TileColumns);
            var cost = rows * (columns + PackingCost);
            if (cost < bestCost) (best, bestCost) = ((down, workers / down), cost);
        }

        return best;
    }

    private static int BlockColumns(int n, int blockDepth) => Balance(n, BlockOfB / blockDepth, TileColumns);

    /// <summary>The length of equal blocks, no longer than <paramref name="most"/> before rounding up to whole grains.</summary>
    private static int Balance(int total, int most, int grain)
    {
        if (total == 0) return grain;
        var blocks = CeilingDivide(total, most);
        return CeilingDivide(CeilingDivide(total, blocks), grain) * grain;
    }

    private static int CeilingDivide(int x, int y) => (x + y - 1) / y;
}
