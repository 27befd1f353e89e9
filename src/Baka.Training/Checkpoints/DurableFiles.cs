using System.Security.Cryptography;
using System.Text;

namespace Baka.Training.Checkpoints;

/// <summary>The size and SHA-256 (lower-case hexadecimal) of a file when it was written.</summary>
public sealed record FileSeal(long Bytes, string Sha256)
{
    internal static FileSeal Of(Stream stream) => new(stream.Length, Convert.ToHexStringLower(SHA256.HashData(stream)));
}

/// <summary>
/// Every change that checkpoints make on the disk, one by one, in an order in which a crash between any two loses
/// nothing. Names that begin with a dot are work in progress or leftovers of it.
/// </summary>
/// <param name="before">Called before each change with its description; tests crash or fill the disk here.</param>
internal sealed class DurableFiles(Action<string>? before = null)
{
    /// <summary>The kind of hidden name that something has until it is whole.</summary>
    public const string Unfinished = "tmp";

    public void CreateFolder(string path)
    {
        before?.Invoke($"create folder {path}");
        Directory.CreateDirectory(path);
    }

    /// <summary>Writes a new file through to the disk.</summary>
    public FileSeal Write(string path, Action<Stream> write)
    {
        before?.Invoke($"create {path}");
        using var file = new FileStream(path, FileMode.CreateNew, FileAccess.Write, FileShare.None, bufferSize: 0);
        using var sealing = new SealingStream(file, () => before?.Invoke($"write {path}"));
        write(sealing);
        sealing.Flush();
        before?.Invoke($"flush {path}");
        file.Flush(flushToDisk: true);
        return sealing.Seal();
    }

    /// <summary>Puts a small text where readers see either what was there before or all of it, never a part.</summary>
    public void Replace(string path, string text)
    {
        var temporary = Hidden(path, Unfinished);
        Write(temporary, stream => stream.Write(Encoding.UTF8.GetBytes(text)));
        before?.Invoke($"replace {path}");
        File.Move(temporary, path, overwrite: true);
    }

    /// <summary>Removes what crashes left of <see cref="Replace"/> in a folder.</summary>
    public void DeleteUnfinishedFiles(string folder)
    {
        foreach (var leftover in Directory.GetFiles(folder, $".*.{Unfinished}-*"))
        {
            DeleteFile(leftover);
        }
    }

    public void MoveFolder(string from, string to)
    {
        before?.Invoke($"move {from} to {to}");
        Directory.Move(from, to);
    }

    public void DeleteFile(string path)
    {
        before?.Invoke($"delete {path}");
        File.Delete(path);
    }

    public void DeleteFolder(string path)
    {
        foreach (var file in Directory.GetFiles(path))
        {
            DeleteFile(file);
        }

        before?.Invoke($"delete {path}");
        Directory.Delete(path, recursive: true);
    }

    /// <summary>A new hidden name beside a path: <c>.NAME.KIND-RANDOM</c>.</summary>
    public static string Hidden(string path, string kind) =>
        Path.Combine(Path.GetDirectoryName(path)!, $".{Path.GetFileName(path)}.{kind}-{Guid.NewGuid():N}");
}
