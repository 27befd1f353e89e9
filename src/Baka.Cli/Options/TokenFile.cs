using System.Text.Json;
using Baka.Data;

namespace Baka.Cli.Options;

/// <summary>Token numbers as a JSON array, which is how commands pass them on to one another.</summary>
internal static class TokenFile
{
    /// <param name="json">UTF-8.</param>
    /// <param name="name">What errors call it.</param>
    /// <exception cref="UserException">It is no JSON array of token numbers.</exception>
    public static int[] Parse(byte[] json, string name)
    {
        try
        {
            return JsonSerializer.Deserialize<int[]>(json) ?? throw new JsonException();
        }
        catch (JsonException failure)
        {
            throw new UserException($"{name} is not a JSON array of token numbers such as [5, 12, 7]; make one with 'baka tokenizer encode'.", failure);
        }
    }

    public static void Write(IEnumerable<int> tokens, TextWriter to)
    {
        to.Write('[');
        var separator = "";
        foreach (var token in tokens)
        {
            to.Write(separator);
            to.Write(token);
            separator = ",";
        }

        to.WriteLine(']');
    }
}
