using System.Text.Json;

namespace Baka.Data.Documents;

/// <summary>JSON Lines: one object a line, with a string <c>text</c> and, if wanted, a string or number <c>id</c>.</summary>
internal static class JsonLines
{
    public static IEnumerable<Document> Read(string path, string name, Func<StreamReader> open)
    {
        using var reader = open();
        for (var number = 1; reader.ReadLine() is { } line; number++)
        {
            if (!string.IsNullOrWhiteSpace(line))
                yield return Parse(line, path, name, number);
        }
    }

    private static Document Parse(string line, string path, string name, int number)
    {
        try
        {
            using var json = JsonDocument.Parse(line);
            if (json.RootElement.ValueKind != JsonValueKind.Object)
                throw Malformed(path, number, "is not a JSON object");
            if (!json.RootElement.TryGetProperty("text", out var text) || text.ValueKind != JsonValueKind.String)
                throw Malformed(path, number, "has no string named \"text\"");

            var id = $"{name}:{number}";
            if (json.RootElement.TryGetProperty("id", out var given))
            {
                id = given.ValueKind switch
                {
                    JsonValueKind.String => given.GetString()!,
                    JsonValueKind.Number => given.GetRawText(),
                    JsonValueKind.Null => id,
                    _ => throw Malformed(path, number, "has an \"id\" that is neither a string nor a number"),
                };
            }

            return new Document(id, text.GetString()!);
        }
        catch (JsonException failure)
        {
            throw Malformed(path, number, $"is not valid JSON at byte {failure.BytePositionInLine + 1}", failure);
        }
        catch (InvalidOperationException failure)
        {
            throw Malformed(path, number, "holds half a surrogate pair in an escape", failure);
        }
    }

    private static UserException Malformed(string path, int number, string what, Exception? inner = null) =>
        new($"{path}, line {number}: the line {what}; each line must look like {{\"text\": \"…\"}}.", inner);
}
