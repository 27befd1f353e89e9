using System.Globalization;

namespace Baka.Cli.Output;

/// <summary>Figures as people read them.</summary>
internal static class Figures
{
    /// <summary>"0.8 s", "42 s", "3 min 05 s", "2 h 07 min".</summary>
    public static string Duration(TimeSpan time) => time.TotalSeconds switch
    {
        < 10 => Invariant($"{time.TotalSeconds:F1} s"),
        < 60 => Invariant($"{time.TotalSeconds:F0} s"),
        < 3600 => Invariant($"{(int)time.TotalMinutes} min {time.Seconds:00} s"),
        _ => Invariant($"{(int)time.TotalHours} h {time.Minutes:00} min"),
    };

    /// <summary>A loss in nats, with four digits behind the point.</summary>
    public static string Loss(double nats) => double.IsNaN(nats) ? "–" : Invariant($"{nats:F4}");

    /// <summary>How much higher or lower a loss is, in nats.</summary>
    public static string Change(double nats) => double.IsNaN(nats) ? "–" : Invariant($"{nats:+0.0000;−0.0000;0.0000}");

    /// <summary>A perplexity or the like: about four digits.</summary>
    public static string Short(double value) => double.IsNaN(value) ? "–" : value < 1000 ? Invariant($"{value:G4}") : Count((long)Math.Round(value));

    /// <summary>A share of a whole in percent, with one digit behind the point.</summary>
    public static string Percent(double share) => double.IsNaN(share) ? "–" : Invariant($"{100 * share:F1} %");

    /// <summary>A count with commas between the thousands.</summary>
    public static string Count(long value) => Invariant($"{value:N0}");

    /// <summary>Counts from one to another.</summary>
    public static string Range(long from, long to) => from == to ? Count(from) : $"{Count(from)} – {Count(to)}";

    public static string Invariant(FormattableString text) => text.ToString(CultureInfo.InvariantCulture);
}
