namespace Baka.Cli.Shell;

/// <summary>The command was called in a way that makes no sense. The message is one sentence.</summary>
/// <param name="message">What is wrong.</param>
/// <param name="command">Whose help says more, such as "baka train".</param>
public sealed class UsageException(string message, string command = "baka") : Exception(message)
{
    /// <summary>Whose help says more.</summary>
    public string Command { get; } = command;
}
