using Baka.Cuda.Interop;

namespace Baka.Cuda.Tests.Interop;

/// <summary>A folder that stands for a machine's root, with files and environment variables of our choice.</summary>
public sealed class FakeMachine : IDisposable
{
    private readonly string _root = Directory.CreateTempSubdirectory("baka-cuda-").FullName;
    private readonly Dictionary<string, string> _variables = [];
    private readonly List<string> _loaded = [];

    internal LibraryFinder Finder => new(new Surroundings(_root, name => _variables.GetValueOrDefault(name), () => _loaded));

    public string Place(string path) => Path.Combine(_root, path);

    /// <summary>Makes an empty file.</summary>
    public FakeMachine With(string file)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Place(file))!);
        File.WriteAllBytes(Place(file), []);
        return this;
    }

    public FakeMachine WithLink(string link, string target)
    {
        Directory.CreateDirectory(Path.GetDirectoryName(Place(link))!);
        File.CreateSymbolicLink(Place(link), Place(target));
        return this;
    }

    /// <summary>Sets an environment variable to a list of places.</summary>
    public FakeMachine WithVariable(string name, params string[] places)
    {
        _variables[name] = string.Join(Path.PathSeparator, places.Select(Place));
        return this;
    }

    public FakeMachine WithLoaded(string file)
    {
        _loaded.Add(Place(file));
        return this;
    }

    public void Dispose() => Directory.Delete(_root, recursive: true);
}
