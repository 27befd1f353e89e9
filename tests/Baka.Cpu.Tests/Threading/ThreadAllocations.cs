using Baka.Cpu.Threading;

namespace Baka.Cpu.Tests.Threading;

/// <summary>Managed bytes that the threads of one team have allocated: other tests run beside this one in the process.</summary>
internal sealed class ThreadAllocations(ThreadTeam team) : IParallelWork
{
    private readonly long[] _bytes = new long[team.Size];

    /// <summary>Bytes since the threads began.</summary>
    public long Total()
    {
        team.Run(this);
        var total = 0L;
        foreach (var bytes in _bytes) total += bytes;
        return total;
    }

    public void Execute(int worker, int workers) => _bytes[worker] = GC.GetAllocatedBytesForCurrentThread();
}
