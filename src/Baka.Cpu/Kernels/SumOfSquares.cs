using Baka.Cpu.Threading;

namespace Baka.Cpu.Kernels;

/// <summary>
/// Σ x² over several contiguous arrays. Each worker takes its share of every array; sums of blocks are carried in f64
/// and added in the workers' order.
/// </summary>
public sealed unsafe class SumOfSquares : Kernel
{
    private const int Line = 16;
    private const int Block = 4096;

    private readonly double[] _partial;

    /// <param name="workers">The largest team that will run it.</param>
    public SumOfSquares(int workers) => _partial = new double[workers * Line];

    /// <summary>Address and number of floats of each array.</summary>
    public (nint Data, long Count)[] Inputs { get; set; } = [];

    /// <summary>One float.</summary>
    public float* Output { get; set; }

    public override void Run(ThreadTeam team)
    {
        Array.Clear(_partial);
        team.Run(this);
        var sum = 0.0;
        for (var i = 0; i < _partial.Length; i += Line)
        {
            sum += _partial[i];
        }

        *Output = (float)sum;
    }

    private protected override void Execute<S, V>(int worker, int workers)
    {
        var sum = 0.0;
        foreach (var (data, count) in Inputs)
        {
            var blocks = (count + Block - 1) / Block;
            var end = Math.Min(count, blocks * (worker + 1) / workers * Block);
            for (var at = blocks * worker / workers * Block; at < end; at += Block)
            {
                var x = (float*)data + at;
                sum += Simd<S, V>.Dot(x, x, (int)Math.Min(Block, end - at));
            }
        }

        _partial[worker * Line] = sum;
    }
}
