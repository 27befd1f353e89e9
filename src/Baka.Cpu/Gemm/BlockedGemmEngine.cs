using Baka.Cpu.Threading;

namespace Baka.Cpu.Gemm;

/// <summary>
/// The product by blocks, after Goto and van de Geijn, "Anatomy of High-Performance Matrix Multiplication" (2008):
/// a packed block of B (depth × columns) stays in the last-level cache, packed blocks of A (rows × depth) stay in the
/// L2 cache, and a panel of B stays in L1 while the panels of A run past it.
/// </summary>
internal sealed unsafe class BlockedGemmEngine<TSimd, TVector> : GemmEngine
    where TSimd : struct, ISimd<TVector>
    where TVector : struct
{
    // Floats in a packed block of A, which shares the L2 cache with what streams by, and of B.

    // An A of more floats than this no longer lies in the L2 cache as a whole.
    private const int FarFloats = 128 * 1024;

    // The rows that the inner-product kernels take.
    private const int FewRows = 4;

    private static int TileRows => TSimd.TileRows;

    private static int TileColumns => 2 * TSimd.Width;

    // Rows are shared out in thirds of a tile: the shares come out more even, and a tile two thirds high is nearly as fast.
    private static int RowGrain => TileRows / 3;

    public override int VectorBits => TSimd.Width * 32;

    public override void Run(in GemmProblem problem)
    {
        if (problem.M == 0 || problem.N == 0)
        {
            return;
        }

        if (problem.K == 0)
        {
            Clear(problem);
        }
        else if (HasDots(problem))
        {
            RunDots(problem);
        }
        else if (HasDirectB(problem))
        {
            RunDirect(problem);
        }
        else
        {
            RunBlocks(problem);
        }
    }

    /// <remarks>
    /// Every worker packs for itself what it needs: beside the product that is little, and nobody has to wait for a worker
    /// that the operating system has taken off its core.
    /// </remarks>
    public override GemmProblem Share(in GemmProblem problem, int worker, int workers)
    {
        var (down, along) = Grid(problem, workers);
        var (firstRow, endRow) = ThreadTeam.Share(problem.M, worker / along, down, RowGrain);
        var (firstColumn, endColumn) = ThreadTeam.Share(problem.N, worker % along, along, TileColumns);
        return problem.Part(firstRow, endRow - firstRow, firstColumn, endColumn - firstColumn);
    }

    /// <summary>Workers down the rows and along the columns: the grid in which the largest share costs least.</summary>
    private static (int Down, int Along) Grid(in GemmProblem problem, int workers)
    {
        // Packing a value of A or B costs about as much as this many multiply-adds.
        const int PackingCost = 12;
        var best = (Down: 1, Along: workers);
        if (HasDots(problem) || HasDirectB(problem)) return best;
        var bestCost = long.MaxValue;
        for (var down = 1; down <= workers; down++)
        {
            if (workers % down != 0) continue;
            long rows = Balance(problem.M, CeilingDivide(problem.M, down), RowGrain);
            long columns = Balance(problem.N, CeilingDivide(problem.N, workers / down), TileColumns);
            var cost = rows * columns + PackingCost * (rows + columns);
            if (cost < bestCost) (best, bestCost) = ((down, workers / down), cost);
        }

        return best;
    }

    /// <summary>Few rows of A against the rows of Bᵀ.</summary>
    private static bool HasDots(in GemmProblem problem) =>
        problem.M <= FewRows && problem.B.RowStride == 1 && (problem.A.ColumnStride == 1 || problem.K == 1);

    /// <summary>Each panel of B is used by so few tiles that they read it where it lies.</summary>
    private static bool HasDirectB(in GemmProblem problem) => problem.M <= 2 * TileRows && (problem.B.ColumnStride == 1 || problem.N == 1);

    private static void Clear(in GemmProblem problem)
    {
        if (problem.Accumulate) return;
        for (var i = 0; i < problem.M; i++) new Span<float>(problem.C.At(i, 0).Data, problem.N).Clear();
    }

    private static void RunDots(in GemmProblem problem)
    {
        var (a, b, c) = (problem.A, problem.B, problem.C);
        Tiles<TSimd, TVector>.Dots[problem.M](
            problem.N, problem.K, a.Data, a.RowStride, b.Data, b.ColumnStride, c.Data, c.RowStride, problem.Accumulate);
    }

    private static void RunDirect(in GemmProblem problem)
    {
        var blockDepth = Balance(problem.K, TSimd.BlockDepth, 1);
        var packedA = GemmScratch.OfThisThread.A(problem.M * (nint)blockDepth);
        for (var p = 0; p < problem.K; p += blockDepth)
        {
            var depth = Math.Min(blockDepth, problem.K - p);
            var accumulate = problem.Accumulate || p > 0;
            Panels<TSimd, TVector>.Pack(problem.A.At(0, p), problem.M, depth, TileRows, pad: false, far: false, packedA);
            for (var j = 0; j < problem.N; j += TileColumns)
            {
                var b = problem.B.At(p, j);
                var width = Math.Min(TileColumns, problem.N - j);
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

    private static void RunBlocks(in GemmProblem problem)
    {
        var blockDepth = Balance(problem.K, TSimd.BlockDepth, 1);
        var blockRows = Balance(problem.M, BlockOfA / blockDepth, TileRows);
        var blockColumns = Balance(problem.N, BlockOfB / blockDepth, TileColumns);
        var packedA = GemmScratch.OfThisThread.A(blockRows * (nint)blockDepth);
        var packedB = GemmScratch.OfThisThread.B(blockColumns * (nint)blockDepth);
        var farA = (long)problem.M * problem.K > FarFloats;

        for (var j = 0; j < problem.N; j += blockColumns)
        {
            var columns = Math.Min(blockColumns, problem.N - j);
            for (var p = 0; p < problem.K; p += blockDepth)
            {
                var depth = Math.Min(blockDepth, problem.K - p);
                Panels<TSimd, TVector>.Pack(problem.B.At(p, j).Transposed, columns, depth, TileColumns, pad: true, far: false, packedB);
                for (var i = 0; i < problem.M; i += blockRows)
                {
                    var rows = Math.Min(blockRows, problem.M - i);
                    Panels<TSimd, TVector>.Pack(problem.A.At(i, p), rows, depth, TileRows, pad: false, farA, packedA);
                    for (var q = 0; q < columns; q += TileColumns)
                    {
                        MultiplyPanel(
                            rows, depth, packedA, packedB + q * (nint)depth, TileColumns,
                            problem.C.At(i, j + q), Math.Min(TileColumns, columns - q), problem.Accumulate || p > 0);
                    }
                }
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

    /// <summary>The length of equal blocks, no longer than <paramref name="most"/> before rounding up to whole grains.</summary>
    private static int Balance(int total, int most, int grain)
    {
        if (total == 0) return grain;
        var blocks = CeilingDivide(total, most);
        return CeilingDivide(CeilingDivide(total, blocks), grain) * grain;
    }

    private static int CeilingDivide(int x, int y) => (x - 1) / y + 1;
}
