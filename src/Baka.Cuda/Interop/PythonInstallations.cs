namespace Baka.Cuda.Interop;

/// <summary>Folders of installed Python packages, found without starting Python.</summary>
internal sealed class PythonInstallations(Surroundings surroundings)
{
    public IEnumerable<string> PackageFolders() => Prefixes().Distinct().SelectMany(PackageFolders).Distinct();

    /// <summary>Installations as in sys.prefix: an active environment, the pythons on PATH, the user's and the system's packages.</summary>
    private IEnumerable<string> Prefixes()
    {
        foreach (var environment in surroundings.Folders("VIRTUAL_ENV").Concat(surroundings.Folders("CONDA_PREFIX")))
        {
            yield return environment;
        }

        foreach (var python in surroundings.Folders("PATH").Select(folder => Path.Combine(folder, "python3")).Where(File.Exists))
        {
            yield return Prefix(python);
            if (File.ResolveLinkTarget(python, returnFinalTarget: true) is { } target)
            {
                yield return Prefix(target.FullName);
            }
        }

        if (surroundings.Variable("HOME") is { Length: > 0 } home)
        {
            yield return Path.Combine(home, ".local");
        }

        yield return surroundings.Place("usr/local");
        yield return surroundings.Place("usr");
    }

    // PREFIX/bin/python3
    private static string Prefix(string executable) => Path.GetDirectoryName(Path.GetDirectoryName(Path.GetFullPath(executable))) ?? "/";

    private static IEnumerable<string> PackageFolders(string prefix)
    {
        foreach (var library in new[] { "lib", "lib64" }.Select(name => Path.Combine(prefix, name)).Where(Directory.Exists))
        {
            // The newest first: python3.13, python3.9, python3 (Debian's shared one).
            foreach (var version in Directory.EnumerateDirectories(library, "python3*").OrderByDescending(MinorVersion))
            {
                yield return Path.Combine(version, "site-packages");
                yield return Path.Combine(version, "dist-packages");
            }
        }
    }

    private static int MinorVersion(string folder) => Path.GetExtension(folder) is { Length: > 1 } extension && int.TryParse(extension.AsSpan(1), out var minor) ? minor : -1;
}
