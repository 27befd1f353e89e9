using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>y[i] = x[index[i]], or zeros where the index is −1. An embedding is this with x = the table.</summary>
public sealed unsafe class GatherRows(int sourceRows, int width, int count) : Kernel
{
    /// <summary>x: [sourceRows, width].</summary>
    public Rows Input { get; set; }

    /// <summary>[count]: 0 … sourceRows − 1, or −1.</summary>
    public int* Index { get; set; }

    /// <summary>y: [count, width].</summary>
    public Rows Output { get; set; }

    public override void Run(ThreadTeam team)
    {
        RowIndex.Check(Index, count, sourceRows);
        base.Run(team);
    }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        var (start, end) = ThreadTeam.Share(count, worker, workers);
        for (var i = start; i < end; i++)
        {
            var to = new Span<float>(Output.At(i), width);
            if (Index[i] < 0)
            {
                to.Clear();
            }
            else
            {
                new Span<float>(Input.At(Index[i]), width).CopyTo(to);
            }
        }
    }
}
