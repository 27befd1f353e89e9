using System.Runtime.InteropServices;

namespace Baka.Cuda.Interop;

/// <summary>A loaded native library. It stays loaded as long as the process lives.</summary>
internal sealed class NativeModule
{
    private readonly nint _handle;

    private NativeModule(LibraryName name, string path, nint handle)
    {
        Name = name;
        Path = path;
        _handle = handle;
    }

    public LibraryName Name { get; }

    /// <summary>The file, or a plain name where the loader alone knows.</summary>
    public string Path { get; }

    /// <exception cref="CudaException">None of the library's files can be loaded.</exception>
    public static NativeModule Load(LibraryName name, LibraryFinder finder)
    {
        foreach (var candidate in finder.Candidates(name))
        {
            LoadCompanions(candidate);
            if (NativeLibrary.TryLoad(candidate, out var handle))
            {
                return new NativeModule(name, candidate, handle);
            }
        }

        throw new CudaException($"{Capital(name.Title)} ({string.Join(" or ", name.Files)}) was not found in {string.Join(", ", finder.Looked())}: {name.Advice}.");
    }

    /// <exception cref="CudaException">The library lacks the function.</exception>
    public nint Export(string function) =>
        NativeLibrary.TryGetExport(_handle, function, out var address)
            ? address
            : throw new CudaException($"{Path} has no function {function}: it is too old; {Name.Advice}.");

    // NVRTC asks for its built-in functions by plain name, which the loader finds only where they are loaded already.
    private static void LoadCompanions(string candidate)
    {
        var file = System.IO.Path.GetFileName(candidate);
        if (file != candidate && file.StartsWith("libnvrtc.so.", StringComparison.Ordinal))
        {
            foreach (var companion in Directory.EnumerateFiles(System.IO.Path.GetDirectoryName(candidate)!, file.Replace("libnvrtc.so.", "libnvrtc-builtins.so.") + "*").Order())
            {
                NativeLibrary.TryLoad(companion, out _);
            }
        }
    }

    private static string Capital(string text) => char.ToUpperInvariant(text[0]) + text[1..];
}
