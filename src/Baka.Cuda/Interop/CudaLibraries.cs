namespace Baka.Cuda.Interop;

/// <summary>NVIDIA's libraries, found and bound once in a process.</summary>
/// <param name="DriverVersion">The latest CUDA that the driver can run.</param>
internal sealed record CudaLibraries(Driver Driver, Version DriverVersion, Nvrtc Nvrtc, CublasLt CublasLt)
{
    private static readonly Lock Gate = new();
    private static CudaLibraries? _shared;

    /// <exception cref="CudaException">A library is missing or too old.</exception>
    public static CudaLibraries Shared
    {
        get
        {
            lock (Gate)
            {
                return _shared ??= Load(new LibraryFinder(Surroundings.OfThisProcess));
            }
        }
    }

    /// <summary>Loads and starts the driver.</summary>
    /// <exception cref="CudaException">There is no usable driver or no GPU.</exception>
    public static unsafe (Driver Driver, Version Version) StartDriver(NativeModule library)
    {
        var driver = new Driver(library);
        driver.Check(driver.Init(0), "cuInit");
        int number;
        driver.Check(driver.DriverGetVersion(&number), "cuDriverGetVersion");
        var version = new Version(number / 1000, number % 1000 / 10);
        return version.Major >= 12
            ? (driver, version)
            : throw new CudaException($"The NVIDIA driver is for CUDA {version}, but CUDA 12 or later is needed; update the driver.");
    }

    private static CudaLibraries Load(LibraryFinder finder)
    {
        var (driver, version) = StartDriver(NativeModule.Load(LibraryName.Driver, finder));
        return new CudaLibraries(
            driver,
            version,
            new Nvrtc(NativeModule.Load(LibraryName.Nvrtc(version.Major), finder)),
            new CublasLt(NativeModule.Load(LibraryName.CublasLt(version.Major), finder)));
    }
}
