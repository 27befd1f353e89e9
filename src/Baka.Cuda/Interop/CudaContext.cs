using System.Runtime.InteropServices;
using Baka.Cuda.Lowering;

namespace Baka.Cuda.Interop;

/// <summary>The first visible GPU with its primary context, which cuBLASLt uses too.</summary>
internal sealed unsafe class CudaContext : IDisposable
{
    private const int NameBytes = 256;

    private readonly int _device;

    private CudaContext(CudaLibraries libraries, int device, nint handle)
    {
        Libraries = libraries;
        _device = device;
        Handle = handle;
        Profile = ReadProfile(libraries.Driver, device);
    }

    public CudaLibraries Libraries { get; }

    public nint Handle { get; }

    public Driver Driver => Libraries.Driver;

    public DeviceProfile Profile { get; }

    /// <summary>Memory that no one uses now.</summary>
    public long FreeBytes => MemoryInfo().Free;

    public long TotalBytes => MemoryInfo().Total;

    /// <summary>Opens the GPU and makes it current on this thread.</summary>
    /// <exception cref="CudaException">There is no GPU, it is too old, or a library is missing.</exception>
    public static CudaContext Open()
    {
        var libraries = CudaLibraries.Shared;
        var driver = libraries.Driver;
        int device;
        nint handle;
        driver.Check(driver.DeviceGet(&device, 0), "cuDeviceGet");
        if (ReadProfile(driver, device).Problem is { } problem)
        {
            throw new CudaException(problem);
        }

        driver.Check(driver.PrimaryContextRetain(&handle, device), "cuDevicePrimaryCtxRetain");
        driver.Check(driver.ContextSetCurrent(handle), "cuCtxSetCurrent");
        return new CudaContext(libraries, device, handle);
    }

    /// <summary>The first GPU's profile, for which it need not be opened.</summary>
    /// <exception cref="CudaException">There is no usable driver or no GPU.</exception>
    public static DeviceProfile ReadFirstProfile()
    {
        var (driver, _) = CudaLibraries.StartDriver(NativeModule.Load(LibraryName.Driver, new LibraryFinder(Surroundings.OfThisProcess)));
        int device;
        driver.Check(driver.DeviceGet(&device, 0), "cuDeviceGet");
        return ReadProfile(driver, device);
    }

    public static DeviceProfile ReadProfile(Driver driver, int device)
    {
        var name = stackalloc byte[NameBytes];
        driver.Check(driver.DeviceGetName(name, NameBytes, device), "cuDeviceGetName");
        return new DeviceProfile(
            Marshal.PtrToStringUTF8((nint)name)!,
            Attribute(driver, device, DeviceAttribute.Multiprocessors),
            Attribute(driver, device, DeviceAttribute.CapabilityMajor),
            Attribute(driver, device, DeviceAttribute.CapabilityMinor),
            Attribute(driver, device, DeviceAttribute.SharedBytesOptIn));
    }

    /// <summary>Every thread needs this once before it uses anything of the context.</summary>
    public void MakeCurrent() => Driver.Check(Driver.ContextSetCurrent(Handle), "cuCtxSetCurrent");

    /// <summary>The memory of everything else of the context must have been given back.</summary>
    public void Dispose() => _ = Driver.PrimaryContextRelease(_device);

    private static int Attribute(Driver driver, int device, int attribute)
    {
        int value;
        driver.Check(driver.DeviceGetAttribute(&value, attribute, device), "cuDeviceGetAttribute");
        return value;
    }

    private (long Free, long Total) MemoryInfo()
    {
        nuint free, total;
        Driver.Check(Driver.MemGetInfo(&free, &total), "cuMemGetInfo");
        return ((long)free, (long)total);
    }
}
