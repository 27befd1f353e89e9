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
        var (driver, version) = BindDriver(library);
        driver.Check(driver.Init(0), "cuInit");
        return (driver, version);
    }

    private static unsafe CudaLibraries Load(LibraryFinder finder)
    {
        var (driver, version) = BindDriver(NativeModule.Load(LibraryName.Driver, finder));

        // Both take a tenth of a second; that there is no GPU is told first.
        var others = Task.Run(() => (new Nvrtc(NativeModule.Load(LibraryName.Nvrtc(version.Major), finder)), new CublasLt(NativeModule.Load(LibraryName.CublasLt(version.Major), finder))));
        driver.Check(driver.Init(0), "cuInit");
        var (nvrtc, cublasLt) = others.GetAwaiter().GetResult();
        return new CudaLibraries(driver, version, nvrtc, cublasLt);
    }

    private static unsafe (Driver Driver, Version Version) BindDriver(NativeModule library)
    {
        var driver = new Driver(library);
        int number;
        driver.Check(driver.DriverGetVersion(&number), "cuDriverGetVersion");
        var version = new Version(number / 1000, number % 1000 / 10);
        return version.Major >= 12
            ? (driver, version)
            : throw new CudaException($"The NVIDIA driver is for CUDA {version}, but CUDA 12 or later is needed; update the driver.");
    }
}
