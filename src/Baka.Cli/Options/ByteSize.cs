using System.Globalization;

namespace Baka.Cli.Options;

/// <summary>Amounts of memory as people write them: powers of 1000 (GB) or of 1024 (GiB).</summary>
internal static class ByteSize
{
    private static readonly (string Unit, double Bytes)[] Units =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40),
        ("KB", 1e3), ("MB", 1e6), ("GB", 1e9), ("TB", 1e12), ("B", 1),
    ];

    public static bool TryParse(string text, out long bytes)
    {
        var unit = Units.FirstOrDefault(unit => text.EndsWith(unit.Unit, StringComparison.OrdinalIgnoreCase), ("", 1));
        var number = text.AsSpan(0, text.Length - unit.Item1.Length).Trim();
        var ok = double.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out var value);
        value *= unit.Item2;
        ok &= value is >= 1 and < 1e18;
        bytes = ok ? (long)value : 0;
        return ok;
    }

    /// <summary>Three digits or so: "1.53 GB".</summary>
    public static string Format(double bytes)
    {
        var (unit, size) = bytes switch
        {
            >= 1e12 => ("TB", 1e12),
            >= 1e9 => ("GB", 1e9),
            >= 1e6 => ("MB", 1e6),
            >= 1e3 => ("kB", 1e3),
            _ => ("bytes", 1.0),
        };
        var value = bytes / size;
        var format = size == 1 || value >= 100 ? "F0" : value >= 10 ? "F1" : "F2";
        return $"{value.ToString(format, CultureInfo.InvariantCulture)} {unit}";
    }
}
