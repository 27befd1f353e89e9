namespace Baka.Cli.Output;

/// <summary>Text of a model made safe for a screen: what would steer the terminal is shown as U+FFFD.</summary>
internal static class Printable
{
    private const char Replacement = '\uFFFD';

    public static string Of(string text) => string.Create(text.Length, text, static (to, from) =>
    {
        for (var i = 0; i < to.Length; i++)
            to[i] = char.IsControl(from[i]) && from[i] is not ('\n' or '\t') ? Replacement : from[i];
    });

    /// <summary>The beginning of a text, cut between words where it can be.</summary>
    /// <param name="most">Characters.</param>
    public static string OneLine(string text, int most)
    {
        var line = Of(text).Trim().Split('\n')[0];
        if (line.Length <= most)
            return line;
        var space = line.LastIndexOf(' ', most);
        return line[..(space > 0 ? space : most)];
    }
}
