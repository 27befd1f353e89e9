namespace Baka.Cuda.Interop;

/// <summary>A stretch of a GPU's memory with undefined content, aligned to 256 bytes.</summary>
internal sealed unsafe class DeviceMemory : IDisposable
{
    private readonly CudaContext _context;

    /// <exception cref="CudaException">There is not enough free memory.</exception>
    public DeviceMemory(CudaContext context, long bytes)
    {
        _context = context;
        Bytes = bytes;
        ulong address;
        // Empty memory has an address too: a plan need not use an arena.
        var result = context.Driver.MemAlloc(&address, (nuint)Math.Max(bytes, 1));
        if (result == DriverErrors.OutOfMemory)
        {
            throw new CudaException(
                $"The GPU has no room for {bytes / 1e9:0.00} GB: {context.FreeBytes / 1e9:0.00} of {context.TotalBytes / 1e9:0.00} GB are free; make the batch smaller or end other programs that use it.");
        }

        context.Driver.Check(result, "cuMemAlloc");
        Address = address;
    }

    public ulong Address { get; private set; }

    public long Bytes { get; }

    public void Dispose()
    {
        if (Address != 0)
        {
            // A failed kernel makes every later call fail: the first error is the one to tell.
            _ = _context.Driver.ContextSetCurrent(_context.Handle);
            _ = _context.Driver.MemFree(Address);
            Address = 0;
        }
    }
}
