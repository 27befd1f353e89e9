namespace Baka.Cli.Shell;

/// <summary>How the user calls this program, so that commands it prints can be copied.</summary>
internal static class ProgramName
{
    /// <summary>The environment variable by which the script that starts the program says what it was called as.</summary>
    public const string Variable = "BAKA_PROGRAM";

    /// <summary>"./baka", for instance.</summary>
    public static string Current { get; } = Environment.GetEnvironmentVariable(Variable) is { Length: > 0 } given ? given : "baka";

    /// <summary>A command line of this program, as the user would type it.</summary>
    /// <param name="command">Beginning with "baka ".</param>
    public static string In(string command) => command.StartsWith("baka ", StringComparison.Ordinal) ? Current + command["baka".Length..] : command;

    /// <summary>A path as an argument: relative where that is shorter, in quotes where it must be.</summary>
    public static string Argument(string path)
    {
        var relative = Path.GetRelativePath(Environment.CurrentDirectory, path);
        return Quote(relative.Length < path.Length ? relative : path);
    }

    /// <summary>A word of a command line, in quotes where it must be.</summary>
    public static string Quote(string word) =>
        word.Length > 0 && word.All(c => char.IsAsciiLetterOrDigit(c) || "/\\._-+:,@%=".Contains(c)) ? word : $"'{word.Replace("'", "'\\''")}'";
}
