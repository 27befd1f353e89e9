namespace Baka.Cpu.Threading;

/// <summary>A piece of work that every worker of a <see cref="ThreadTeam"/> runs once, each on its own share.</summary>
public interface IParallelWork
{
    /// <summary>Runs the share of one worker.</summary>
    /// <param name="worker">Index of the worker, 0 … workers − 1. Worker 0 is the calling thread.</param>
    /// <param name="workers">Size of the team.</param>
    void Execute(int worker, int workers);
}
