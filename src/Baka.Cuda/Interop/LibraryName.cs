namespace Baka.Cuda.Interop;

/// <summary>A library of NVIDIA's and the names of its file, the preferred one first.</summary>
/// <param name="Title">For people.</param>
/// <param name="Files">Without folder.</param>
/// <param name="Advice">What to do where it is missing.</param>
internal sealed record LibraryName(string Title, IReadOnlyList<string> Files, string Advice)
{
    private static readonly int[] Majors = [13, 12];

    public static LibraryName Driver { get; } = new(
        "the NVIDIA driver",
        OperatingSystem.IsWindows() ? ["nvcuda.dll"] : ["libcuda.so.1"],
        "install NVIDIA's driver, or train on the CPU");

    /// <summary>The compiler of kernels.</summary>
    /// <param name="driver">Major version of CUDA that the driver can run: cubins of later ones can't be loaded.</param>
    public static LibraryName Nvrtc(int driver) => new(
        "NVRTC",
        [.. Usable(driver).Select(major => OperatingSystem.IsWindows() ? $"nvrtc64_{major}0_0.dll" : $"libnvrtc.so.{major}")],
        Installation(driver));

    /// <summary>Matrix products.</summary>
    public static LibraryName CublasLt(int driver) => new(
        "cuBLASLt",
        [.. Usable(driver).Select(major => OperatingSystem.IsWindows() ? $"cublasLt64_{major}.dll" : $"libcublasLt.so.{major}")],
        Installation(driver));

    private static IEnumerable<int> Usable(int driver) => Majors.Where(major => major <= driver);

    private static string Installation(int driver)
    {
        var suffix = driver >= 13 ? "" : "-cu12";
        return $"run 'pip install nvidia-cublas{suffix} nvidia-cuda-nvrtc{suffix}', or name their folders in {LibraryFinder.Variable}";
    }
}
