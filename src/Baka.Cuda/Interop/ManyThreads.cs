namespace Baka.Cuda.Interop;

/// <summary>Work on many threads whose first failure comes out as it would on one.</summary>
internal static class ManyThreads
{
    /// <exception cref="CudaException">A thread met one.</exception>
    public static void Run(Action work)
    {
        try
        {
            work();
        }
        catch (AggregateException failures) when (failures.InnerException is CudaException first)
        {
            throw new CudaException(first.Message, failures);
        }
    }
}
