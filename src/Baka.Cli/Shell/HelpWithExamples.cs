using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Invocation;

namespace Baka.Cli.Shell;

/// <summary>The library's help of a command, and below it the command's examples.</summary>
internal sealed class HelpWithExamples : SynchronousCommandLineAction
{
    private readonly HelpAction _help = new() { MaxWidth = 110 };

    public override bool ClearsParseErrors => true;

    public override int Invoke(ParseResult parseResult)
    {
        _help.Invoke(parseResult);
        if (parseResult.CommandResult.Command is BakaCommand { Examples: { Count: > 0 } examples })
        {
            var output = parseResult.InvocationConfiguration.Output;
            output.WriteLine("Examples:");
            var width = examples.Max(example => example.Line.Length);
            foreach (var (line, what) in examples)
                output.WriteLine(what == "" ? $"  {line}" : $"  {line.PadRight(width)}  # {what}");
            output.WriteLine();
        }

        return 0;
    }
}
