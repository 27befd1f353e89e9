using Baka.Cuda.Lowering;

namespace Baka.Cuda.Interop;

/// <summary>A queue of work for a GPU: what is put into it is done in order, while the host goes on.</summary>
internal sealed unsafe class CudaStream : IDisposable
{
    // No waiting for the legacy stream, which can't be recorded.
    private const uint NonBlocking = 1;

    // Libraries may load kernels of theirs while a program is recorded, which stricter modes forbid.
    private const int CaptureRelaxed = 2;

    private readonly CudaContext _context;
    private readonly Driver _driver;

    public CudaStream(CudaContext context)
    {
        _context = context;
        _driver = context.Driver;
        nint handle;
        _driver.Check(_driver.StreamCreate(&handle, NonBlocking), "cuStreamCreate");
        Handle = handle;
    }

    public nint Handle { get; private set; }

    /// <summary>Waits until everything is done.</summary>
    public void Synchronize() => _driver.Check(_driver.StreamSynchronize(Handle), "cuStreamSynchronize");

    /// <summary>From the host; in the background only where its memory is pinned.</summary>
    public void CopyToDevice(ulong target, nint source, long bytes) =>
        _driver.Check(_driver.CopyToDeviceAsync(target, (void*)source, (nuint)bytes, Handle), "cuMemcpyHtoDAsync");

    public void CopyToHost(nint target, ulong source, long bytes) =>
        _driver.Check(_driver.CopyToHostAsync((void*)target, source, (nuint)bytes, Handle), "cuMemcpyDtoHAsync");

    public void Copy(ulong target, ulong source, long bytes) =>
        _driver.Check(_driver.CopyOnDeviceAsync(target, source, (nuint)bytes, Handle), "cuMemcpyDtoDAsync");

    /// <summary>Sets all bits to zero.</summary>
    public void Clear(ulong target, long bytes) => _driver.Check(_driver.SetBytesAsync(target, 0, (nuint)bytes, Handle), "cuMemsetD8Async");

    /// <summary>Sets every 32 bits to the same value.</summary>
    public void Fill(ulong target, uint bits, long count) => _driver.Check(_driver.SetWordsAsync(target, bits, (nuint)count, Handle), "cuMemsetD32Async");

    /// <summary>Runs a kernel.</summary>
    /// <param name="arguments">One pointer for each parameter to its value, which is copied at once.</param>
    public void Launch(nint function, Grid grid, int threads, int sharedBytes, void** arguments) =>
        _driver.Check(
            _driver.LaunchKernel(function, (uint)grid.X, (uint)grid.Y, (uint)grid.Z, (uint)threads, 1, 1, (uint)sharedBytes, Handle, arguments, null),
            "cuLaunchKernel");

    /// <summary>Turns what an action puts into the stream, on this thread, into something that can be run as a whole.</summary>
    public ExecutableGraph Capture(Action record)
    {
        _driver.Check(_driver.StreamBeginCapture(Handle, CaptureRelaxed), "cuStreamBeginCapture");
        nint graph = 0;
        try
        {
            record();
        }
        catch
        {
            if (_driver.StreamEndCapture(Handle, &graph) == 0)
            {
                _ = _driver.GraphDestroy(graph);
            }

            throw;
        }

        _driver.Check(_driver.StreamEndCapture(Handle, &graph), "cuStreamEndCapture");
        return new ExecutableGraph(_context, graph);
    }

    public void Dispose()
    {
        if (Handle != 0)
        {
            _ = _driver.ContextSetCurrent(_context.Handle);
            _ = _driver.StreamDestroy(Handle);
            Handle = 0;
        }
    }
}
