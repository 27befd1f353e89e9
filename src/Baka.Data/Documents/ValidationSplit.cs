using System.Security.Cryptography;
using System.Text;

namespace Baka.Data.Documents;

/// <summary>
/// Takes a validation part out of a source that comes without one.
/// <para>
/// Rule: of documents numbered from 0, those with <c>index mod every = every − 1</c> are validation. When there are
/// fewer than <c>every</c> documents, each is first cut into pieces, at paragraph boundaries, of about
/// <c>characters / (4 · every)</c> characters but no fewer than 200, and the rule is applied to the pieces; if even the
/// pieces are fewer than <c>every</c>, the last one is validation.
/// </para>
/// </summary>
public static class ValidationSplit
{
    private const int PiecesPerStride = 4;
    private const int SmallestPiece = 200;

    /// <summary>The two parts of a source, both read lazily. Together they hold every document, or piece, once.</summary>
    /// <param name="source">The whole.</param>
    /// <param name="every">Every how many-th document is validation; at least 2.</param>
    /// <exception cref="UserException">While reading: the text is too short to be split.</exception>
    public static (DocumentSource Training, DocumentSource Validation) Take(DocumentSource source, int every)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(every, 2);
        return (Part(source, every, validation: false), Part(source, every, validation: true));
    }

    private static DocumentSource Part(DocumentSource source, int every, bool validation)
    {
        var name = $"{(validation ? "every" : "all but every")} {every}th document";
        return new DocumentSource(
            $"{source.Description} ({name})",
            () => Select(source, every, validation),
            () => SHA256.HashData([.. source.Fingerprint, .. Encoding.UTF8.GetBytes(name)]));
    }

    private static IEnumerable<Document> Select(DocumentSource source, int every, bool validation)
    {
        var first = source.Take(every).ToList();
        IEnumerable<Document> documents = source;
        var stride = every;
        if (first.Count < every)
        {
            var pieces = Cut(first, every);
            if (pieces.Count < 2)
                throw new UserException($"{source.Description}: the text is too short to take a validation part from it; give one of its own with --valid.");
            documents = pieces;
            stride = Math.Min(every, pieces.Count);
        }

        return documents.Where((_, index) => index % stride == stride - 1 == validation);
    }

    private static List<Document> Cut(List<Document> documents, int every)
    {
        var characters = documents.Sum(document => (long)document.Text.Length);
        var size = (int)Math.Max(SmallestPiece, characters / (PiecesPerStride * (long)every));
        return documents.SelectMany(document => Cut(document, size)).ToList();
    }

    private static IEnumerable<Document> Cut(Document document, int size)
    {
        var text = document.Text;
        var part = 1;
        for (var start = 0; start < text.Length; part++)
        {
            // What would be left over as less than half a piece stays with the last one.
            var end = text.Length - start < size + size / 2 ? text.Length : FindBoundary(text, start + size, size / 2);
            if (start == 0 && end == text.Length)
            {
                yield return document;
                yield break;
            }

            yield return new Document($"{document.Id}, part {part}", text[start..end]);
            start = end;
        }
    }

    /// <summary>The next end of a paragraph, else of a line, else of a word, within reach of a place; else the place itself.</summary>
    private static int FindBoundary(string text, int from, int reach)
    {
        var ahead = text.AsSpan(from, reach);
        ReadOnlySpan<string> separators = ["\n\n", "\n", " "];
        foreach (var separator in separators)
        {
            var found = ahead.IndexOf(separator);
            if (found >= 0)
                return from + found + separator.Length;
        }

        return char.IsLowSurrogate(text[from]) ? from + 1 : from;
    }
}
