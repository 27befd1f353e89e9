namespace Baka.Cuda.Interop;

/// <summary>A moment in the work of a stream.</summary>
internal sealed unsafe class CudaEvent : IDisposable
{
    private readonly CudaContext _context;
    private readonly Driver _driver;

    public CudaEvent(CudaContext context)
    {
        _context = context;
        _driver = context.Driver;
        nint handle;
        _driver.Check(_driver.EventCreate(&handle, 0), "cuEventCreate");
        Handle = handle;
    }

    public nint Handle { get; private set; }

    /// <summary>The moment is when the stream has done everything that it holds now.</summary>
    public void Record(CudaStream stream) => _driver.Check(_driver.EventRecord(Handle, stream.Handle), "cuEventRecord");

    /// <summary>Waits for the moment; returns at once where none was recorded.</summary>
    public void Synchronize() => _driver.Check(_driver.EventSynchronize(Handle), "cuEventSynchronize");

    /// <summary>Time from another moment to this one, both in the past, with half a microsecond's resolution.</summary>
    public float MillisecondsSince(CudaEvent start)
    {
        float result;
        _driver.Check(_driver.EventElapsedTime(&result, start.Handle, Handle), "cuEventElapsedTime");
        return result;
    }

    public void Dispose()
    {
        if (Handle != 0)
        {
            _ = _driver.ContextSetCurrent(_context.Handle);
            _ = _driver.EventDestroy(Handle);
            Handle = 0;
        }
    }
}
