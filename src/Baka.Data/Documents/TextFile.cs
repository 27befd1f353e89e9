using System.IO.Compression;
using System.Security.Cryptography;
using System.Text;

namespace Baka.Data.Documents;

/// <summary>One file of documents: how it is found, opened and told apart by its name.</summary>
internal sealed class TextFile
{
    private const string Kinds = ".txt, .md or .jsonl, each also with .gz";

    private readonly string _path;

    // Without it a truncated archive ends like a whole one.
    static TextFile() => AppContext.SetSwitch("System.IO.Compression.UseStrictValidation", true);

    private TextFile(string path, string name)
    {
        _path = path;
        Name = name;
    }

    /// <summary>Path relative to the argument that named it, with forward slashes: the same wherever the folder lies.</summary>
    public string Name { get; }

    public static IReadOnlyList<TextFile> Find(IReadOnlyList<string> paths)
    {
        var files = new List<TextFile>();
        foreach (var path in paths)
        {
            if (Directory.Exists(path))
                files.AddRange(FindInFolder(path));
            else if (!File.Exists(path))
                throw new UserException($"{path}: there is no such file or folder; check the path.");
            else if (KindOf(path) is null)
                throw new UserException($"{path}: this kind of file can't be read; give {Kinds}, or a folder of these.");
            else
                files.Add(new TextFile(path, Path.GetFileName(path)));
        }

        if (files.Count == 0)
            throw new UserException($"no text was named; give one or more files ({Kinds}) or folders.");
        return files;
    }

    /// <summary>A file of the caller's own choice, opened as it is.</summary>
    public static TextFile At(string path) => new(path, Path.GetFileName(path));

    public IEnumerable<Document> Read() => Guard(KindOf(_path) == ".jsonl" ? JsonLines.Read(_path, Name, Open) : ReadText());

    public byte[] HashContent()
    {
        try
        {
            using var stream = OpenRaw();
            return SHA256.HashData(stream);
        }
        catch (Exception failure) when (IsFileFailure(failure))
        {
            throw Explain(failure);
        }
    }

    private static IEnumerable<TextFile> FindInFolder(string folder)
    {
        try
        {
            var found = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
                .Where(path => KindOf(path) is not null)
                .Select(path => new TextFile(path, Path.GetRelativePath(folder, path).Replace('\\', '/')))
                .OrderBy(file => file.Name, StringComparer.Ordinal)
                .ToList();
            if (found.Count == 0)
                throw new UserException($"{folder}: the folder holds no text; put {Kinds} files into it.");
            return found;
        }
        catch (Exception failure) when (IsFileFailure(failure))
        {
            throw new UserException($"{folder}: the folder can't be read ({failure.Message.TrimEnd('.')}); check its permissions.", failure);
        }
    }

    private static string? KindOf(string path)
    {
        var extension = Path.GetExtension(IsCompressed(path) ? path[..^".gz".Length] : path).ToLowerInvariant();
        return extension is ".txt" or ".md" or ".jsonl" ? extension : null;
    }

    private static bool IsCompressed(string path) => path.EndsWith(".gz", StringComparison.OrdinalIgnoreCase);

    private static bool IsFileFailure(Exception failure) => failure is IOException or UnauthorizedAccessException or InvalidDataException;

    private FileStream OpenRaw() => new(_path, FileMode.Open, FileAccess.Read, FileShare.Read, 1 << 16, FileOptions.SequentialScan);

    private StreamReader Open()
    {
        Stream stream = OpenRaw();
        if (IsCompressed(_path))
            stream = new GZipStream(stream, CompressionMode.Decompress);
        return new StreamReader(stream, Encoding.UTF8, detectEncodingFromByteOrderMarks: true, 1 << 16);
    }

    private IEnumerable<Document> ReadText()
    {
        string text;
        using (var reader = Open())
            text = reader.ReadToEnd();
        foreach (var document in WikiText.IsRaw(text) ? WikiText.Split(Name, text) : [new Document(Name, text)])
            yield return document;
    }

    // An iterator can't yield inside a try with a catch, so the sequence is driven by hand.
    private IEnumerable<Document> Guard(IEnumerable<Document> documents)
    {
        using var each = documents.GetEnumerator();
        while (true)
        {
            try
            {
                if (!each.MoveNext())
                    yield break;
            }
            catch (Exception failure) when (IsFileFailure(failure))
            {
                throw Explain(failure);
            }

            yield return each.Current;
        }
    }

    private UserException Explain(Exception failure) => failure is InvalidDataException
        ? new UserException($"{_path}: the gzip archive is damaged or cut short; fetch or pack the file again.", failure)
        : new UserException($"{_path}: the file can't be read ({failure.Message.TrimEnd('.')}); check its permissions and its disk.", failure);
}
