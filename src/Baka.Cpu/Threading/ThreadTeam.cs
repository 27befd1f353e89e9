namespace Baka.Cpu.Threading;

/// <summary>A piece of work that every worker of a <see cref="ThreadTeam"/> runs once, each on its own share.</summary>
public interface IParallelWork
{
    /// <summary>Runs the share of one worker.</summary>
    /// <param name="worker">Index of the worker, 0 … workers − 1. Worker 0 is the calling thread.</param>
    /// <param name="workers">Size of the team.</param>
    void Execute(int worker, int workers);
}

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
    private readonly SemaphoreSlim _wake = new(0);
    private IParallelWork? _work;
    private Exception? _failure;
    private volatile bool _stopping;
    private volatile int _epoch;
    private int _running;
    private int _sleepers;
    private int _arrived;
    private volatile int _barrierEpoch;

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

    /// <summary>Runs the work on all workers and returns when the last one is done. Not reentrant.</summary>
    public void Run(IParallelWork work)
    {
        if (Size == 1)
        {
            work.Execute(0, 1);
            return;
        }

        _work = work;
        Volatile.Write(ref _running, Size - 1);
        Interlocked.Increment(ref _epoch);
        var sleeping = Volatile.Read(ref _sleepers);
        if (sleeping > 0)
        {
            _wake.Release(sleeping);
        }

        try
        {
            work.Execute(0, Size);
        }
        catch (Exception e)
        {
            _failure = e;
        }

        var spin = 0;
        while (Volatile.Read(ref _running) > 0)
        {
            Pause(ref spin);
        }

        if (_failure is { } failure)
        {
            _failure = null;
            throw new InvalidOperationException($"A kernel failed: {failure.Message}", failure);
        }
    }

    /// <summary>Called by every worker inside <see cref="IParallelWork.Execute"/>: returns when all have called it.</summary>
    public void Barrier()
    {
        if (Size == 1)
        {
            return;
        }

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
            Pause(ref spin);
        }
    }

    /// <summary>The part of [0, count) that belongs to a worker, in whole multiples of <paramref name="grain"/>.</summary>
    public static (int Start, int End) Share(int count, int worker, int workers, int grain = 1)
    {
        long blocks = (count + grain - 1) / grain;
        var start = (int)Math.Min(count, blocks * worker / workers * grain);
        var end = (int)Math.Min(count, blocks * (worker + 1) / workers * grain);
        return (start, end);
    }

    public void Dispose()
    {
        _stopping = true;
        Interlocked.Increment(ref _epoch);
        if (_threads.Length > 0)
        {
            _wake.Release(_threads.Length);
        }

        foreach (var thread in _threads)
        {
            thread.Join();
        }

        _wake.Dispose();
    }

    private void Serve(int worker)
    {
        var seen = 0;
        while (true)
        {
            WaitForWork(seen);
            seen = _epoch;
            if (_stopping)
            {
                return;
            }

            try
            {
                _work!.Execute(worker, Size);
            }
            catch (Exception e)
            {
                _failure = e;
            }

            Interlocked.Decrement(ref _running);
        }
    }

    private void WaitForWork(int seen)
    {
        var spin = 0;
        while (_epoch == seen)
        {
            if (spin < SpinsBeforeSleep)
            {
                Pause(ref spin);
                continue;
            }

            Interlocked.Increment(ref _sleepers);
            if (_epoch == seen)
            {
                _wake.Wait();
            }

            Interlocked.Decrement(ref _sleepers);
            spin = 0;
        }
    }

    private static void Pause(ref int spin)
    {
        spin++;
        // On a machine with fewer free cores than workers the partner needs this core.
        if ((spin & 1023) == 0)
        {
            Thread.Yield();
        }
        else
        {
            Thread.SpinWait(4);
        }
    }
}
