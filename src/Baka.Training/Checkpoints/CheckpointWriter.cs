using System.Text;
using Baka.Data;

namespace Baka.Training.Checkpoints;

/// <summary>A file of a checkpoint and how it is written.</summary>
public sealed record CheckpointFile(string Name, Action<Stream> Write)
{
    public static CheckpointFile Text(string name, string text) =>
        new(name, stream => stream.Write(Encoding.UTF8.GetBytes(text)));

    public static CheckpointFile Tensors(string name, IReadOnlyList<TensorSource> tensors) =>
        new(name, stream => SafetensorsWriter.Write(stream, tensors));
}

/// <summary>
/// Writes a checkpoint so that its folder exists only complete: into a hidden folder beside it, every file through
/// to the disk, <c>state.json</c> with the hashes of the others last, then renamed.
/// </summary>
internal sealed class CheckpointWriter(DurableFiles disk)
{
    // Kinds of hidden folders; see DurableFiles.Hidden.
    private const string Replaced = "old";
    private const string Discarded = "trash";

    /// <param name="folder">Where the checkpoint shall be; one that is there is replaced once the new one is complete.</param>
    /// <param name="state">Its <see cref="CheckpointState.Files"/> are filled in here.</param>
    /// <param name="files">All files but state.json.</param>
    /// <exception cref="UserException">The disk is full, or refuses otherwise; what was there before is untouched.</exception>
    public void Write(string folder, CheckpointState state, IReadOnlyList<CheckpointFile> files)
    {
        var temporary = DurableFiles.Hidden(folder, DurableFiles.Unfinished);
        try
        {
            disk.CreateFolder(Path.GetDirectoryName(folder)!);
            RemoveLeftovers(Path.GetDirectoryName(folder)!);
            disk.CreateFolder(temporary);
            var seals = new SortedDictionary<string, FileSeal>(StringComparer.Ordinal);
            foreach (var file in files)
            {
                seals.Add(file.Name, disk.Write(Path.Combine(temporary, file.Name), file.Write));
            }

            var text = CheckpointStateFile.Format(state with { Files = seals });
            disk.Write(Path.Combine(temporary, CheckpointFiles.State), stream => stream.Write(text));
            Install(temporary, folder);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            TryDelete(temporary);
            throw new UserException(
                $"The checkpoint '{folder}' can't be written ({e.Message.TrimEnd('.')}): the checkpoints before it are unharmed, so make room and resume.", e);
        }
    }

    /// <summary>Deletes a checkpoint so that no part of it is ever taken for a whole one.</summary>
    public void Delete(string folder)
    {
        var discarded = DurableFiles.Hidden(folder, Discarded);
        disk.MoveFolder(folder, discarded);
        TryDelete(discarded);
    }

    /// <summary>
    /// The complete checkpoint that a crash left under a hidden name, between moving it aside and moving its
    /// successor in; null when there is none.
    /// </summary>
    public static string? FindReplaced(string folder)
    {
        var parent = Path.GetDirectoryName(folder)!;
        return Directory.Exists(parent)
            ? Directory.EnumerateDirectories(parent, $".{Path.GetFileName(folder)}.{Replaced}-*").FirstOrDefault()
            : null;
    }

    private void Install(string temporary, string folder)
    {
        if (!Directory.Exists(folder))
        {
            disk.MoveFolder(temporary, folder);
            return;
        }

        var replaced = DurableFiles.Hidden(folder, Replaced);
        disk.MoveFolder(folder, replaced);
        disk.MoveFolder(temporary, folder);
        TryDelete(replaced);
    }

    private void RemoveLeftovers(string parent)
    {
        foreach (var leftover in Directory.GetDirectories(parent, ".*"))
        {
            // .NAME.KIND-RANDOM
            var parts = Path.GetFileName(leftover).Split('.');
            if (parts.Length != 3 || parts[2].Split('-') is not [var kind, _])
            {
                continue;
            }

            var original = Path.Combine(parent, parts[1]);
            if (kind == Replaced && !Directory.Exists(original))
            {
                disk.MoveFolder(leftover, original);
            }
            else if (kind is DurableFiles.Unfinished or Replaced or Discarded)
            {
                TryDelete(leftover);
            }
        }
    }

    private void TryDelete(string folder)
    {
        try
        {
            if (Directory.Exists(folder))
            {
                disk.DeleteFolder(folder);
            }
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            // It is in nobody's way, and the next checkpoint tries again.
        }
    }
}
