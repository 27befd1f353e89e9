using System.Collections;
using System.Globalization;
using System.Text;

namespace Baka.Data.Tokenizers;

/// <summary>
/// Unicode normalization form C (UAX #15). The framework's own <c>string.Normalize</c> does nothing in invariant
/// globalization mode, in which this program runs, so the tables are carried along (nfc.txt).
/// </summary>
internal static class Nfc
{
    private const int HangulBase = 0xAC00, LeadBase = 0x1100, VowelBase = 0x1161, TrailBase = 0x11A7;
    private const int LeadCount = 19, VowelCount = 21, TrailCount = 28, HangulCount = LeadCount * VowelCount * TrailCount;

    private static readonly Dictionary<int, (int First, int Second)> Decompositions = [];
    private static readonly Dictionary<(int First, int Second), int> Compositions = [];
    private static readonly Dictionary<int, byte> CombiningClasses = [];

    // Code points that a normalized text may not hold, or only in some places.
    private static readonly BitArray Suspects = new(0x110000);

    static Nfc() => LoadTables();

    /// <summary>The normalized text; the same object where it already is normalized.</summary>
    /// <remarks>Halves of surrogate pairs standing alone become U+FFFD, as they do when the text is written as UTF-8.</remarks>
    public static string Normalize(string text)
    {
        if (!MayChange(text))
            return text;
        var points = Decompose(text);
        Reorder(points);
        Compose(points);
        var builder = new StringBuilder(text.Length);
        foreach (var point in points)
            builder.Append(char.ConvertFromUtf32(point));
        return builder.ToString();
    }

    private static bool MayChange(ReadOnlySpan<char> text)
    {
        // Nothing below the combining marks is affected by what stands next to it.
        var from = text.IndexOfAnyExceptInRange('\0', '\u02FF');
        if (from < 0)
            return false;
        foreach (var rune in text[from..].EnumerateRunes())
        {
            if (Suspects[rune.Value])
                return true;
        }

        return false;
    }

    private static List<int> Decompose(string text)
    {
        var points = new List<int>(text.Length + 16);
        foreach (var rune in text.EnumerateRunes())
            Decompose(rune.Value, points);
        return points;
    }

    private static void Decompose(int point, List<int> points)
    {
        if (Decompositions.TryGetValue(point, out var parts))
        {
            Decompose(parts.First, points);
            if (parts.Second != 0)
                points.Add(parts.Second);
        }
        else if (point - HangulBase is >= 0 and < HangulCount and var syllable)
        {
            points.Add(LeadBase + syllable / (VowelCount * TrailCount));
            points.Add(VowelBase + syllable % (VowelCount * TrailCount) / TrailCount);
            if (syllable % TrailCount != 0)
                points.Add(TrailBase + syllable % TrailCount);
        }
        else
        {
            points.Add(point);
        }
    }

    /// <summary>Sorts every run of combining marks by class, keeping marks of one class in order.</summary>
    private static void Reorder(List<int> points)
    {
        for (var i = 1; i < points.Count; i++)
        {
            var point = points[i];
            var order = ClassOf(point);
            if (order == 0)
                continue;
            var j = i;
            for (; j > 0 && ClassOf(points[j - 1]) > order; j--)
                points[j] = points[j - 1];
            points[j] = point;
        }
    }

    private static void Compose(List<int> points)
    {
        var starter = -1;
        var written = 0;
        var lastClass = 0;
        for (var i = 0; i < points.Count; i++)
        {
            var point = points[i];
            var order = ClassOf(point);
            // A mark is blocked from its starter by one of the same or a higher class between them.
            var adjacent = starter >= 0 && written == starter + 1;
            if (starter >= 0 && (adjacent || (lastClass < order && order != 0)) && Combine(points[starter], point) is var composed and > 0)
            {
                points[starter] = composed;
                continue;
            }

            if (order == 0)
                starter = written;
            lastClass = order;
            points[written++] = point;
        }

        points.RemoveRange(written, points.Count - written);
    }

    private static int Combine(int first, int second)
    {
        if (first - LeadBase is >= 0 and < LeadCount and var lead && second - VowelBase is >= 0 and < VowelCount and var vowel)
            return HangulBase + (lead * VowelCount + vowel) * TrailCount;
        if (first - HangulBase is >= 0 and < HangulCount and var syllable && syllable % TrailCount == 0
            && second - TrailBase is > 0 and < TrailCount and var trail)
            return HangulBase + syllable + trail;
        return Compositions.GetValueOrDefault((first, second));
    }

    private static int ClassOf(int point) => CombiningClasses.GetValueOrDefault(point);

    private static void LoadTables()
    {
        using var reader = new StreamReader(typeof(Nfc).Assembly.GetManifestResourceStream("nfc.txt")!);
        while (reader.ReadLine() is { } line)
        {
            var fields = line.Split(' ');
            switch (fields[0])
            {
                case "D" or "d":
                    AddDecomposition(Hex(fields[1]), Hex(fields[2]), fields.Length > 3 ? Hex(fields[3]) : 0, composes: fields[0] == "D");
                    break;
                case "C":
                    AddClass(byte.Parse(fields[1], CultureInfo.InvariantCulture), Hex(fields[2]), Hex(fields[^1]));
                    break;
            }
        }

        for (var point = VowelBase; point < VowelBase + VowelCount; point++)
            Suspects[point] = true;
        for (var point = TrailBase + 1; point < TrailBase + TrailCount; point++)
            Suspects[point] = true;
    }

    private static void AddDecomposition(int point, int first, int second, bool composes)
    {
        Decompositions.Add(point, (first, second));
        if (composes)
        {
            Compositions.Add((first, second), point);
            Suspects[second] = true;
        }
        else
        {
            Suspects[point] = true;
        }
    }

    private static void AddClass(byte order, int from, int to)
    {
        for (var point = from; point <= to; point++)
        {
            CombiningClasses.Add(point, order);
            Suspects[point] = true;
        }
    }

    private static int Hex(string digits) => int.Parse(digits, NumberStyles.HexNumber, CultureInfo.InvariantCulture);
}
