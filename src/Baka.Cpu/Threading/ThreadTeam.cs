using System.Runtime.ExceptionServices;

namespace Baka.Cpu.Threading;

/// <summary>
/// A fixed set of threads that run one <see cref="IParallelWork"/> at a time, all together. Work is split by
/// worker index alone, so the same work on the same team size is always split, and rounds, the same way.
/// Running work allocates nothing and starts no thread.
/// </summary>
public sealed class ThreadTeam : IDisposable
{
    // A step is a few hundred short regions in a row: a worker spins this long before it sleeps.
    private const int SpinsBeforeSleep = 20_000;

    private readonly Thread[] _threads;
    private readonly object _sleep = new();
    private IParallelWork? _work;
    private volatile Exception? _failure;
    private volatile bool _stopping;
    private volatile int _epoch;
    private volatile int _barrierEpoch;
    private int _sleepers;
    private int _running;
    private int _arrived;
    private int _inRun;

    /// <param name="size">Number of workers, the calling thread included; at least 1.</param>
    public ThreadTeam(int size)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(size, 1);
        Size = size;
        _threads = new Thread[size - 1];
        for (var i = 0; i < _threads.Length; i++)
        {
            var worker = i + 1;
            _threads[i] = new Thread(() => Serve(worker)) { IsBackground = true, Name = $"baka-{worker}" };
            _threads[i].Start();
        }
    }

    public int Size { get; }

    /// <summary>For kernels that have scratch memory for so many workers.</summary>
    /// <exception cref="ArgumentException">The team has more.</exception>
    public void RequireAtMost(int workers)
    {
        if (Size > workers)
        {
            throw new ArgumentException($"The kernel has scratch for {workers} workers, but the team has {Size}: build it for the team.");
        }
    }

    /// <summary>
    /// Runs the work on all workers and returns when the last one is done. When workers fail, throws what the first
    /// to fail threw, after all have ended; the team stays usable.
    /// </summary>
    /// <exception cref="InvalidOperationException">The team is at work already.</exception>
    public void Run(IParallelWork work)
    {
        if (Interlocked.Exchange(ref _inRun, 1) == 1)
        {
            throw new InvalidOperationException("A thread team runs one piece of work at a time.");
        }

        if (Size > 1)
        {
            _work = work;
            _arrived = 0;
            Volatile.Write(ref _running, Size - 1);
            Wake();
        }

        ExecuteShare(work, 0);
        var spin = 0;
        while (Volatile.Read(ref _running) > 0) Pause(ref spin);

        var failure = _failure;
        _failure = null;
        Volatile.Write(ref _inRun, 0);
        if (failure is not null) ExceptionDispatchInfo.Throw(failure);
    }

    /// <summary>
    /// Called by every worker inside <see cref="IParallelWork.Execute"/>: returns when all have called it.
    /// What they wrote before it is visible to all after it.
    /// </summary>
    /// <exception cref="OperationCanceledException">Another worker failed, so that not all will come.</exception>
    public void Barrier()
    {
        if (Size == 1) return;

        var epoch = _barrierEpoch;
        if (Interlocked.Increment(ref _arrived) == Size)
        {
            _arrived = 0;
            _barrierEpoch = epoch + 1;
            return;
        }

        var spin = 0;
        while (_barrierEpoch == epoch)
        {
            if (_failure is not null) throw new OperationCanceledException("Another worker of the team failed.");
            Pause(ref spin);
        }
    }

    /// <summary>The part of [0, count) that belongs to a worker, in whole multiples of <paramref name="grain"/>.</summary>
    public static (int Start, int End) Share(int count, int worker, int workers, int grain = 1)
    {
        var blocks = ((long)count + grain - 1) / grain;
        var start = (int)Math.Min(count, blocks * worker / workers * grain);
        var end = (int)Math.Min(count, blocks * (worker + 1) / workers * grain);
        return (start, end);
    }

    /// <summary>Ends the threads. Not to be called while work runs.</summary>
    public void Dispose()
    {
        _stopping = true;
        Wake();
        foreach (var thread in _threads) thread.Join();
    }

    /// <summary>Begins a new epoch, which is what workers wait for.</summary>
    private void Wake()
    {
        // A worker counts itself among the sleepers before it looks at the epoch for the last time, and here the epoch
        // changes before the sleepers are counted; both are full fences, so one of the two sees the other.
        Interlocked.Increment(ref _epoch);
        if (Volatile.Read(ref _sleepers) > 0)
        {
            lock (_sleep) Monitor.PulseAll(_sleep);
        }
    }

    private void Serve(int worker)
    {
        for (var seen = 0; ; seen++)
        {
            WaitForWork(seen);
            if (_stopping) return;
            ExecuteShare(_work!, worker);
            Interlocked.Decrement(ref _running);
        }
    }

    private void ExecuteShare(IParallelWork work, int worker)
    {
        try
        {
            work.Execute(worker, Size);
        }
        catch (Exception e)
        {
            Interlocked.CompareExchange(ref _failure, e, null);
        }
    }

    private void WaitForWork(int seen)
    {
        for (var spin = 0; spin < SpinsBeforeSleep;)
        {
            if (_epoch != seen) return;
            Pause(ref spin);
        }

        lock (_sleep)
        {
            Interlocked.Increment(ref _sleepers);
            while (_epoch == seen) Monitor.Wait(_sleep);
            Interlocked.Decrement(ref _sleepers);
        }
    }

    private static void Pause(ref int spin)
    {
        spin++;
        // On a machine with fewer free cores than workers the partner needs this core.
        if ((spin & 127) == 0)
        {
            Thread.Yield();
        }
        else
        {
            Thread.SpinWait(4);
        }
    }
}
