using System.Text;

namespace Baka.Model.Recipes.Schema;

/// <summary>How names in code become names in recipes, and how close two names are.</summary>
internal static class Names
{
    /// <summary>"LongReset" with '-' gives "long-reset".</summary>
    public static string Split(string pascal, char separator)
    {
        var name = new StringBuilder();
        foreach (var c in pascal)
        {
            if (char.IsUpper(c) && name.Length > 0) name.Append(separator);
            name.Append(char.ToLowerInvariant(c));
        }

        return name.ToString();
    }

    /// <summary>The candidate closest to a mistyped dotted key, by all of it or by its last part.</summary>
    public static string Nearest(string key, IEnumerable<string> candidates) =>
        candidates.MinBy(candidate =>
        {
            var whole = Distance(key, candidate);
            return (Math.Min(2 * whole, 1 + 2 * Distance(LastPart(key), LastPart(candidate))), whole);
        })!;

    private static string LastPart(string key) => key[(key.LastIndexOf('.') + 1)..];

    // Levenshtein's edit distance, a row of the table at a time.
    private static int Distance(string a, string b)
    {
        var row = Enumerable.Range(0, b.Length + 1).ToArray();
        for (var i = 1; i <= a.Length; i++)
        {
            var diagonal = row[0];
            row[0] = i;
            for (var j = 1; j <= b.Length; j++)
            {
                var above = row[j];
                row[j] = Math.Min(Math.Min(above, row[j - 1]) + 1, diagonal + (a[i - 1] == b[j - 1] ? 0 : 1));
                diagonal = above;
            }
        }

        return row[b.Length];
    }
}
