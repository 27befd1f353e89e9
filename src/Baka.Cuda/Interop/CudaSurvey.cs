namespace Baka.Cuda.Interop;

/// <summary>What this machine offers of what training on a GPU needs.</summary>
/// <param name="Libraries">Driver, NVRTC and cuBLASLt.</param>
/// <param name="Gpus">As far as the driver tells; the first is used.</param>
/// <param name="Problem">Why GPUs can't be used, in one sentence; null where they can.</param>
public sealed record CudaSurvey(IReadOnlyList<LibrarySurvey> Libraries, IReadOnlyList<GpuSurvey> Gpus, string? Problem)
{
    private const int UnknownDriver = int.MaxValue;

    /// <summary>Looks around. What is missing is part of the answer: nothing is thrown.</summary>
    public static CudaSurvey Take() => Take(new LibraryFinder(Surroundings.OfThisProcess));

    internal static CudaSurvey Take(LibraryFinder finder)
    {
        var problems = new List<string>();
        var gpus = new List<GpuSurvey>();
        var major = UnknownDriver;
        var driver = Try(LibraryName.Driver, finder, problems, module =>
        {
            var (driver, version) = CudaLibraries.StartDriver(module);
            major = version.Major;
            gpus.AddRange(ReadGpus(driver, problems));
            return $"for CUDA {version}";
        });
        var nvrtc = Try(LibraryName.Nvrtc(major), finder, problems, module => new Nvrtc(module).Version.ToString());
        var cublas = Try(LibraryName.CublasLt(major), finder, problems, module => VersionText(new CublasLt(module).Version));
        return new CudaSurvey([driver, nvrtc, cublas], gpus, problems.Count > 0 ? problems[0] : null);
    }

    private static LibrarySurvey Try(LibraryName name, LibraryFinder finder, List<string> problems, Func<NativeModule, string> version)
    {
        string? path = null;
        try
        {
            var module = NativeModule.Load(name, finder);
            path = finder.PathOf(module);
            return new LibrarySurvey(name.Title, path, version(module), []);
        }
        catch (CudaException problem)
        {
            problems.Add(problem.Message);
            return new LibrarySurvey(name.Title, path, null, path is null ? finder.Looked() : []);
        }
    }

    private static unsafe List<GpuSurvey> ReadGpus(Driver driver, List<string> problems)
    {
        int count;
        driver.Check(driver.DeviceGetCount(&count), "cuDeviceGetCount");
        var gpus = new List<GpuSurvey>();
        for (var i = 0; i < count; i++)
        {
            int device;
            nuint bytes;
            driver.Check(driver.DeviceGet(&device, i), "cuDeviceGet");
            driver.Check(driver.DeviceTotalMem(&bytes, device), "cuDeviceTotalMem");
            var profile = CudaContext.ReadProfile(driver, device);
            if (i == 0 && profile.Problem is { } problem)
            {
                problems.Add(problem);
            }

            gpus.Add(new GpuSurvey(profile.Name, (long)bytes, new Version(profile.Major, profile.Minor)));
        }

        return gpus.Count > 0 ? gpus : throw new CudaException(DriverErrors.NoGpu);
    }

    // 130100 is 13.1.0.
    private static string VersionText(nuint version) => $"{version / 10000}.{version / 100 % 100}.{version % 100}";
}

/// <summary>A library of NVIDIA's.</summary>
/// <param name="Path">Its file, or null where there is none.</param>
/// <param name="Version">Null where it is missing or can't be used.</param>
/// <param name="Looked">Where it was looked for, if in vain.</param>
public sealed record LibrarySurvey(string Name, string? Path, string? Version, IReadOnlyList<string> Looked);

/// <param name="Capability">Compute capability, such as 9.0 for an H100.</param>
public sealed record GpuSurvey(string Name, long MemoryBytes, Version Capability);
