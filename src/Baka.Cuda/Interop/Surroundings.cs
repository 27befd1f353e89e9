namespace Baka.Cuda.Interop;

/// <summary>What the search for libraries sees of the machine.</summary>
/// <param name="Root">Folder that absolute places are relative to.</param>
/// <param name="Variable">Environment variables; null where unset.</param>
/// <param name="LoadedFiles">Files that the process has mapped already.</param>
internal sealed record Surroundings(string Root, Func<string, string?> Variable, Func<IEnumerable<string>> LoadedFiles)
{
    private const string MemoryMap = "/proc/self/maps";

    public static Surroundings OfThisProcess { get; } = new("/", Environment.GetEnvironmentVariable, MappedFiles);

    /// <summary>The folders that a variable lists, as PATH does.</summary>
    public IEnumerable<string> Folders(string variable) =>
        (Variable(variable) ?? "").Split(Path.PathSeparator, StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries);

    /// <summary>A place that is absolute on a real machine.</summary>
    public string Place(string path) => Path.Combine(Root, path);

    private static IEnumerable<string> MappedFiles() =>
        // A line is "address permissions offset device inode      /path".
        File.Exists(MemoryMap)
            ? File.ReadLines(MemoryMap).Select(line => line.IndexOf('/') is >= 0 and var start ? line[start..] : "").Where(path => path.Length > 0).Distinct()
            : [];
}
