using System.Collections.Concurrent;

namespace Baka.Cuda.Lowering;

/// <summary>The CUDA C++ files that are part of this assembly.</summary>
internal static class SourceFiles
{
    private static readonly ConcurrentDictionary<string, string> Known = [];

    public static string Read(string file) => Known.GetOrAdd(file, static name =>
    {
        using var stream = typeof(SourceFiles).Assembly.GetManifestResourceStream(name)
            ?? throw new ArgumentException($"There is no source file {name}.");
        using var reader = new StreamReader(stream);
        return reader.ReadToEnd();
    });
}
