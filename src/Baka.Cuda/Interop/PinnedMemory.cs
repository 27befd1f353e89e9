namespace Baka.Cuda.Interop;

/// <summary>Memory of the host that a GPU copies from and to by itself, while the host goes on.</summary>
internal sealed unsafe class PinnedMemory : IDisposable
{
    private const uint Portable = 1;

    private readonly CudaContext _context;

    /// <exception cref="CudaException">The system has not enough memory that can be pinned.</exception>
    public PinnedMemory(CudaContext context, long bytes)
    {
        _context = context;
        Bytes = bytes;
        nint address;
        var result = context.Driver.MemHostAlloc(&address, (nuint)Math.Max(bytes, 1), Portable);
        if (result == DriverErrors.OutOfMemory)
        {
            throw new CudaException($"The system could not pin {bytes / 1e9:0.00} GB of its memory for the GPU; free some memory.");
        }

        context.Driver.Check(result, "cuMemHostAlloc");
        Address = address;
    }

    public nint Address { get; private set; }

    public long Bytes { get; }

    public Span<T> AsSpan<T>()
        where T : unmanaged => new((void*)Address, checked((int)(Bytes / sizeof(T))));

    public void Dispose()
    {
        if (Address != 0)
        {
            _ = _context.Driver.ContextSetCurrent(_context.Handle);
            _ = _context.Driver.MemFreeHost(Address);
            Address = 0;
        }
    }
}
