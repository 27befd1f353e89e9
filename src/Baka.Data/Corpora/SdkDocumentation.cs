using System.Security.Cryptography;
using Baka.Data.Documents;

namespace Baka.Data.Corpora;

/// <summary>
/// The corpus that every machine with a .NET SDK already has: the XML documentation of the reference packs, tens of
/// megabytes of technical English. One type is one document, in the order of their full names.
/// </summary>
public static class SdkDocumentation
{
    // Part of the fingerprint: to be raised when the same files would read otherwise.
    private const byte ProseVersion = 1;

    /// <summary>The corpus of this machine.</summary>
    /// <exception cref="UserException">No SDK with documentation is found.</exception>
    public static DocumentSource Find() => Find(DotnetRoots.Candidates());

    internal static DocumentSource Find(IEnumerable<string> roots)
    {
        var looked = new List<string>();
        foreach (var root in roots)
        {
            var files = FindFiles(root);
            if (files.Count > 0)
                return Open(root, files);
            looked.Add(root);
        }

        throw new UserException($"no .NET SDK with documentation (a folder packs with XML files) was found in {string.Join(", ", looked)}; give text of your own with --data.");
    }

    private static DocumentSource Open(string root, IReadOnlyList<string> files) => new(
        $".NET documentation in {root}",
        () => Read(files),
        () => SHA256.HashData([ProseVersion, .. DocumentSource.HashFiles(files.Select(TextFile.At))]));

    /// <summary>The newest version and framework of every reference pack; of files of one name the first.</summary>
    private static List<string> FindFiles(string root)
    {
        var packs = Path.Combine(root, "packs");
        if (!Directory.Exists(packs))
            return [];
        return Directory.GetDirectories(packs)
            .Order(StringComparer.Ordinal)
            .Select(pack => Newest(Directory.GetDirectories(pack)))
            .OfType<string>()
            .Select(version => Path.Combine(version, "ref"))
            .Where(Directory.Exists)
            .Select(reference => Newest(Directory.GetDirectories(reference)))
            .OfType<string>()
            .SelectMany(framework => Directory.GetFiles(framework, "*.xml"))
            .DistinctBy(Path.GetFileName)
            .OrderBy(Path.GetFileName, StringComparer.Ordinal)
            .ToList();
    }

    private static string? Newest(IEnumerable<string> folders) => folders
        .OrderBy(folder => VersionOf(Path.GetFileName(folder)))
        .ThenBy(folder => folder, StringComparer.Ordinal)
        .LastOrDefault();

    // "10.0.1", "11.0.0-preview.1", "net10.0".
    private static Version VersionOf(string name)
    {
        var number = name.AsSpan().TrimStart("netcoreappstandard");
        var end = number.IndexOf('-');
        return Version.TryParse(end < 0 ? number : number[..end], out var version) ? version : new Version(0, 0);
    }

    private static IEnumerable<Document> Read(IReadOnlyList<string> files)
    {
        var types = new SortedDictionary<string, string>(StringComparer.Ordinal);
        // What is kept of equal types is decided in the order of files.
        foreach (var (type, text) in ReadAll(files).SelectMany(file => file))
            types.TryAdd(type, text);
        return types.Select(type => new Document(type.Key, type.Value));
    }

    private static List<IReadOnlyDictionary<string, string>> ReadAll(IReadOnlyList<string> files)
    {
        try
        {
            return files.AsParallel().AsOrdered().Select(DocumentationFile.Read).ToList();
        }
        catch (AggregateException failure) when (failure.GetBaseException() is UserException told)
        {
            throw new UserException(told.Message, failure);
        }
    }
}
