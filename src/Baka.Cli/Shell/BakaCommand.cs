using System.CommandLine;

namespace Baka.Cli.Shell;

/// <summary>A command of the program, with examples for its help.</summary>
internal abstract class BakaCommand : Command
{
    protected BakaCommand(Terminal terminal, string name, string description)
        : base(name, description)
    {
        Terminal = terminal;
        SetAction(Run);
    }

    /// <summary>Lines to type, and what each does.</summary>
    public IReadOnlyList<(string Line, string What)> Examples { get; protected init; } = [];

    protected Terminal Terminal { get; }

    /// <summary>Adds arguments and options, in the order of the help.</summary>
    protected void Add(params ReadOnlySpan<Symbol> symbols)
    {
        foreach (var symbol in symbols)
        {
            if (symbol is Argument argument)
                base.Add(argument);
            else
                base.Add((Option)symbol);
        }
    }

    /// <summary>Does what the command is for.</summary>
    /// <returns>The exit code.</returns>
    protected abstract int Run(ParseResult arguments);
}
