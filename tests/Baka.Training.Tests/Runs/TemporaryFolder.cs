namespace Baka.Training.Tests.Runs;

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TemporaryFolder : IDisposable
{
    public TemporaryFolder() => Path = Directory.CreateTempSubdirectory("baka-test-").FullName;

    /// <param name="parent">Where the folder is made, if that exists.</param>
    public TemporaryFolder(string parent) =>
        Path = Directory.Exists(parent)
            ? Directory.CreateDirectory(System.IO.Path.Combine(parent, $"baka-test-{Guid.NewGuid():N}")).FullName
            : new TemporaryFolder().Path;

    public string Path { get; }

    public string At(params string[] parts) => System.IO.Path.Combine([Path, .. parts]);

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
