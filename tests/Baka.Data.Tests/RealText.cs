using Baka.Data.Documents;

namespace Baka.Data.Tests;

/// <summary>Real text that lies beside the repository on some machines; elsewhere tests that want it have nothing to do.</summary>
internal static class RealText
{
    public static string? Find(string name)
    {
        for (var folder = new DirectoryInfo(AppContext.BaseDirectory); folder is not null; folder = folder.Parent)
        {
            if (!File.Exists(Path.Combine(folder.FullName, "Baka.slnx")))
                continue;
            var path = Path.Combine(folder.FullName, "..", "shared", "data", name);
            return File.Exists(path) ? path : null;
        }

        return null;
    }

    /// <summary>Some hundred thousand characters of English: a novel, or else the test's own source of words.</summary>
    public static string English()
    {
        if (Find("novels/valid.jsonl.gz") is { } path)
            return DocumentSource.Open([path]).First().Text;
        var random = new Random(7);
        string[] words = ["The", "old", "man", "doesn't", "know", "that", "it's", "I'll", "2024", "sea,", "and", "\"Yes!\"", "\n\nThen", "—", "café"];
        return string.Join(' ', Enumerable.Range(0, 50_000).Select(_ => words[random.Next(words.Length)]));
    }
}
