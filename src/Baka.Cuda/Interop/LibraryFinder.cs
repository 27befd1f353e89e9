namespace Baka.Cuda.Interop;

/// <summary>
/// Where libraries of NVIDIA's may lie, in the order in which they are tried: folders the user names, what the process
/// has loaded already, Python wheels, Conda, the loader's own path, a toolkit.
/// </summary>
internal sealed class LibraryFinder(Surroundings surroundings)
{
    /// <summary>The environment variable that lists folders to look into first.</summary>
    public const string Variable = "BAKA_CUDA_LIBS";

    private static readonly string[] InToolkit =
        OperatingSystem.IsWindows() ? ["bin", "bin/x64"] : ["lib64", "targets/x86_64-linux/lib", "targets/sbsa-linux/lib"];

    /// <summary>Files to try in turn: full paths that exist, and plain names for the loader to find.</summary>
    public IReadOnlyList<string> Candidates(LibraryName library) =>
    [
        .. Existing(surroundings.Folders(Variable), library),
        .. surroundings.LoadedFiles().Where(file => library.Files.Any(name => IsVersionOf(file, name))),
        .. Existing(FoldersBeforeLoader(), library),
        .. library.Files,
        .. Existing(FoldersAfterLoader(), library),
    ];

    /// <summary>The file of a loaded library, also where a plain name was enough to load it.</summary>
    public string PathOf(NativeModule module) =>
        Path.IsPathFullyQualified(module.Path)
            ? module.Path
            : surroundings.LoadedFiles().FirstOrDefault(file => IsVersionOf(file, module.Path[..(module.Path.IndexOf(".so", StringComparison.Ordinal) + 1)])) ?? module.Path;

    /// <summary>Where <see cref="Candidates"/> looks, for people.</summary>
    public IReadOnlyList<string> Looked() =>
        [.. surroundings.Folders(Variable), "the packages of Python and Conda", "the loader's path", .. FoldersAfterLoader()];

    // Mapped files bear the name behind all links: libnvrtc.so.13.0.88 is what libnvrtc.so.13 leads to.
    private static bool IsVersionOf(string file, string name) => Path.GetFileName(file).StartsWith(name, StringComparison.Ordinal);

    private static IEnumerable<string> Existing(IEnumerable<string> folders, LibraryName library) =>
        folders.SelectMany(folder => library.Files.Select(file => Path.Combine(folder, file))).Where(File.Exists);

    private IEnumerable<string> FoldersBeforeLoader()
    {
        foreach (var packages in new PythonInstallations(surroundings).PackageFolders())
        {
            // Wheels for CUDA 13 share one folder; for CUDA 12 each library has its own.
            yield return Path.Combine(packages, "nvidia", "cu13", "lib");
            yield return Path.Combine(packages, "nvidia", "cublas", "lib");
            yield return Path.Combine(packages, "nvidia", "cuda_nvrtc", "lib");
        }

        foreach (var prefix in surroundings.Folders("CONDA_PREFIX"))
        {
            yield return Path.Combine(prefix, "lib");
        }
    }

    private IEnumerable<string> FoldersAfterLoader()
    {
        string[] toolkits = [.. surroundings.Folders("CUDA_HOME"), .. surroundings.Folders("CUDA_PATH"), surroundings.Place("usr/local/cuda")];
        foreach (var toolkit in toolkits)
        {
            foreach (var folder in InToolkit)
            {
                yield return Path.Combine(toolkit, folder);
            }
        }

        // Where containers and Windows' Linux find the driver.
        yield return surroundings.Place("usr/local/nvidia/lib64");
        yield return surroundings.Place("usr/lib/wsl/lib");
    }
}
