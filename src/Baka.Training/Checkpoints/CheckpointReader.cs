using Baka.Data;

namespace Baka.Training.Checkpoints;

/// <summary>A checkpoint on the disk, checked to be whole.</summary>
public sealed class CheckpointReader
{
    private CheckpointReader(string folder, CheckpointState state)
    {
        Folder = folder;
        State = state;
    }

    public string Folder { get; }

    public CheckpointState State { get; }

    /// <param name="path">Anything that <see cref="CheckpointPath.Resolve"/> understands.</param>
    /// <param name="verify">Whether every file is read and its hash compared; sizes are compared always.</param>
    /// <exception cref="UserException">There is no checkpoint, or a file of it is missing or changed.</exception>
    public static CheckpointReader Open(string path, bool verify = true)
    {
        var folder = CheckpointPath.Resolve(path);
        var statePath = Path.Combine(folder, CheckpointFiles.State);
        try
        {
            var state = CheckpointStateFile.Parse(statePath, File.ReadAllBytes(statePath));
            foreach (var (name, seal) in state.Files)
            {
                Check(Path.Combine(folder, name), seal, verify);
            }

            return new CheckpointReader(folder, state);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"The checkpoint '{folder}' can't be read: {e.Message}", e);
        }
    }

    /// <exception cref="UserException">The checkpoint was written without such a file.</exception>
    public string PathOf(string file) =>
        State.Files.ContainsKey(file)
            ? Path.Combine(Folder, file)
            : throw new UserException($"The checkpoint '{Folder}' has no '{file}'.");

    /// <summary>Reads a file and compares its hash, where opening did not.</summary>
    /// <exception cref="UserException">It is missing or changed.</exception>
    public void Verify(string file) => Check(PathOf(file), State.Files[file], verify: true);

    /// <inheritdoc cref="PathOf"/>
    public SafetensorsReader OpenTensors(string file) => SafetensorsReader.Open(PathOf(file));

    /// <inheritdoc cref="PathOf"/>
    public string ReadText(string file) => File.ReadAllText(PathOf(file));

    private static void Check(string path, FileSeal seal, bool verify)
    {
        if (!File.Exists(path))
        {
            throw new UserException($"The checkpoint's file '{path}' is missing: use an earlier checkpoint.");
        }

        using var file = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 1 << 18);
        if (file.Length != seal.Bytes || (verify && FileSeal.Of(file) != seal))
        {
            throw new UserException($"The checkpoint's file '{path}' was changed after it was written: use an earlier checkpoint.");
        }
    }
}
