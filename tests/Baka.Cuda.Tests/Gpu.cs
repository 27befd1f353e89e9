using Baka.Cuda.Interop;

namespace Baka.Cuda.Tests;

/// <summary>A GPU with a stream and an empty cache folder, for one test.</summary>
internal sealed class Gpu : IDisposable
{
    public Gpu()
    {
        Context = CudaContext.Open();
        Stream = new CudaStream(Context);
    }

    public CudaContext Context { get; }

    public CudaStream Stream { get; }

    public string CacheFolder { get; } = Directory.CreateTempSubdirectory("baka-gpu-").FullName;

    public DeviceMemory Upload<T>(ReadOnlySpan<T> values)
        where T : unmanaged
    {
        var memory = new DeviceMemory(Context, values.Length * System.Runtime.CompilerServices.Unsafe.SizeOf<T>());
        using var host = new PinnedMemory(Context, memory.Bytes);
        values.CopyTo(host.AsSpan<T>());
        Stream.CopyToDevice(memory.Address, host.Address, memory.Bytes);
        Stream.Synchronize();
        return memory;
    }

    public T[] Download<T>(DeviceMemory memory)
        where T : unmanaged
    {
        using var host = new PinnedMemory(Context, memory.Bytes);
        Stream.CopyToHost(host.Address, memory.Address, memory.Bytes);
        Stream.Synchronize();
        return host.AsSpan<T>().ToArray();
    }

    public void Dispose()
    {
        Stream.Dispose();
        Context.Dispose();
        Directory.Delete(CacheFolder, recursive: true);
    }
}
