using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>
/// The gradient of <see cref="GatherRows"/>: dx[index[i]] += dy[i] in the order of i, dx being zero elsewhere.
/// </summary>
public sealed unsafe class ScatterRows(int targetRows, int width, int count) : Kernel
{
    // Workers share rows by columns: frequent tokens then burden all alike, and the order of sums does not depend on them.
    private const int ColumnGrain = 16;

    /// <summary>dy: [count, width].</summary>
    public Rows OutputGradient { get; set; }

    /// <summary>[count]: 0 … targetRows − 1, or −1.</summary>
    public int* Index { get; set; }

    /// <summary>dx: [targetRows, width], overwritten.</summary>
    public Rows InputGradient { get; set; }

    public override void Run(ThreadTeam team)
    {
        RowIndex.Check(Index, count, targetRows);
        base.Run(team);
    }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(width, worker, workers, ColumnGrain);
        if (start == end)
        {
            return;
        }

        for (var row = 0; row < targetRows; row++)
        {
            new Span<float>(InputGradient.At(row) + start, end - start).Clear();
        }

        for (var i = 0; i < count; i++)
        {
            if (Index[i] >= 0)
            {
                Simd<S, V>.AddScaled(1f, OutputGradient.At(i) + start, InputGradient.At(Index[i]) + start, end - start);
            }
        }
    }
}
