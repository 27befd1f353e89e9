using System.Buffers.Binary;
using System.Collections;
using System.Security.Cryptography;
using System.Text;

namespace Baka.Data.Documents;

/// <summary>
/// A sequence of documents that can be read any number of times, lazily and always in the same order, and whose
/// content has a fingerprint that is found without cutting it into documents.
/// </summary>
public sealed class DocumentSource : IEnumerable<Document>
{
    private readonly Func<IEnumerable<Document>> _documents;
    private readonly Lazy<byte[]> _fingerprint;

    internal DocumentSource(string description, Func<IEnumerable<Document>> documents, Func<byte[]> fingerprint)
    {
        Description = description;
        _documents = documents;
        _fingerprint = new Lazy<byte[]>(fingerprint);
    }

    /// <summary>What this source is, for people: its paths, or the part of another source.</summary>
    public string Description { get; }

    /// <summary>SHA-256 of everything the documents depend on (32 bytes).</summary>
    public ReadOnlySpan<byte> Fingerprint => _fingerprint.Value;

    /// <summary>
    /// Documents of files and folders: <c>.txt</c>, <c>.md</c>, <c>.jsonl</c>, each also <c>.gz</c>. Folders are searched
    /// to any depth; files of other kinds in them are passed over. Files come in ordinal order of their path within each
    /// argument. Texts that hold nothing but white space are passed over.
    /// </summary>
    /// <exception cref="UserException">
    /// A path is missing or of an unknown kind, a folder holds no text file; while reading: a malformed line, a damaged
    /// archive, no document at all.
    /// </exception>
    public static DocumentSource Open(IReadOnlyList<string> paths)
    {
        var files = TextFile.Find(paths);
        var description = string.Join(", ", paths);
        return new DocumentSource(description, () => Read(files, description), () => HashFiles(files));
    }

    /// <summary>Documents held in memory.</summary>
    public static DocumentSource FromDocuments(IReadOnlyList<Document> documents, string description = "documents in memory") =>
        new(description, () => documents, () => HashDocuments(documents));

    public IEnumerator<Document> GetEnumerator() => _documents().GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();

    internal static byte[] HashFiles(IEnumerable<TextFile> files)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var file in files)
        {
            // The name decides how a file is read and what its documents are called.
            Append(hash, file.Name);
            hash.AppendData(file.HashContent());
        }

        return hash.GetHashAndReset();
    }

    private static byte[] HashDocuments(IReadOnlyList<Document> documents)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        foreach (var document in documents)
        {
            Append(hash, document.Id);
            Append(hash, document.Text);
        }

        return hash.GetHashAndReset();
    }

    private static void Append(IncrementalHash hash, string text)
    {
        var bytes = Encoding.UTF8.GetBytes(text);
        Span<byte> length = stackalloc byte[sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(length, bytes.Length);
        hash.AppendData(length);
        hash.AppendData(bytes);
    }

    private static IEnumerable<Document> Read(IReadOnlyList<TextFile> files, string description)
    {
        var any = false;
        foreach (var file in files)
        {
            foreach (var document in file.Read())
            {
                if (string.IsNullOrWhiteSpace(document.Text))
                    continue;
                any = true;
                yield return document;
            }
        }

        if (!any)
            throw new UserException($"{description}: no text found; every document is empty, so name other files or folders.");
    }
}
