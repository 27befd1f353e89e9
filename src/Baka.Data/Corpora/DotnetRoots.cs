using System.Runtime.InteropServices;

namespace Baka.Data.Corpora;

/// <summary>Where a .NET SDK may be installed.</summary>
internal static class DotnetRoots
{
    /// <summary>Folders that exist, the likeliest first.</summary>
    public static IEnumerable<string> Candidates() => All()
        .Where(path => !string.IsNullOrEmpty(path))
        .Select(path => Path.GetFullPath(path!))
        .Select(Path.TrimEndingDirectorySeparator)
        .Distinct()
        .Where(Directory.Exists);

    private static IEnumerable<string?> All()
    {
        yield return Environment.GetEnvironmentVariable("DOTNET_ROOT");
        yield return FolderOfHost(Environment.GetEnvironmentVariable("DOTNET_HOST_PATH"));
        if (Path.GetFileNameWithoutExtension(Environment.ProcessPath) == "dotnet")
            yield return FolderOfHost(Environment.ProcessPath);
        // …/shared/Microsoft.NETCore.App/10.0.0/
        yield return Path.Combine(RuntimeEnvironment.GetRuntimeDirectory(), "..", "..", "..");
        foreach (var folder in (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator))
            yield return FolderOfHost(Path.Combine(folder, OperatingSystem.IsWindows() ? "dotnet.exe" : "dotnet"));
        foreach (var folder in UsualFolders())
            yield return folder;
    }

    private static IEnumerable<string> UsualFolders() => OperatingSystem.IsWindows()
        ? [Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.ProgramFiles), "dotnet")]
        :
        [
            "/usr/share/dotnet",
            "/usr/lib/dotnet",
            "/usr/lib64/dotnet",
            "/usr/local/share/dotnet",
            "/opt/homebrew/opt/dotnet/libexec",
            "/snap/dotnet-sdk/current",
            Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".dotnet"),
        ];

    /// <summary>The folder of the program itself, where what is on the path is a link to it.</summary>
    private static string? FolderOfHost(string? path)
    {
        if (string.IsNullOrEmpty(path) || !File.Exists(path))
            return null;
        return Path.GetDirectoryName(File.ResolveLinkTarget(path, returnFinalTarget: true)?.FullName ?? path);
    }
}
