using System.CommandLine;
using System.CommandLine.Help;
using System.Reflection;
using Baka.Cli.Commands;
using Baka.Cli.Shell;

namespace Baka.Cli;

/// <summary>The program as a function of its arguments.</summary>
public static class CommandLine
{
    private const string Description =
        "BakaLLM: a laboratory for language models that remember.\n\nStart with 'baka train': it trains a small model on the documentation of your .NET SDK in a few minutes.";

    private const string Verbose = "--verbose";

    /// <summary>Runs one command.</summary>
    /// <returns>0: it did what it should; 1: it could not; 2: it was called in a wrong way; 130: it was interrupted.</returns>
    public static int Invoke(IReadOnlyList<string> arguments, Terminal terminal)
    {
        try
        {
            // Prompts may begin with '@', and no option has a one-letter name.
            var configuration = new ParserConfiguration { ResponseFileTokenReplacer = null, EnablePosixBundling = false };
            var parsed = Build(terminal).Parse(arguments, configuration);
            if (UsageCheck.Find(parsed) is { } mistake)
                throw mistake;
            return parsed.Invoke(new InvocationConfiguration
            {
                Output = terminal.Output,
                Error = terminal.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            });
        }
        catch (Exception failure)
        {
            return ErrorReport.Write(failure, terminal, arguments.Contains(Verbose));
        }
        finally
        {
            terminal.Flush();
        }
    }

    internal static RootCommand Build(Terminal terminal)
    {
        var root = new RootCommand(Description)
        {
            new Option<bool>(Verbose) { Description = "Show where in the program an error came from", Recursive = true },
            new TrainCommand(terminal),
            new EvalCommand(terminal),
            new ScoreCommand(terminal),
            new GenerateCommand(terminal),
            new TokenizerCommand(terminal),
            new PlanCommand(terminal),
            new BenchCommand(terminal),
            new SelfTestCommand(terminal),
            new RecipesCommand(terminal),
            new DoctorCommand(terminal),
        };
        root.HelpName = "baka";
        var help = new HelpWithExamples();
        root.Options.OfType<HelpOption>().Single().Action = help;
        root.Options.OfType<VersionOption>().Single().Action = new ShowVersion();
        ShowHelpOfGroups(root, help);
        return root;
    }

    /// <summary>A command that only holds others is asked what these are.</summary>
    private static void ShowHelpOfGroups(Command command, HelpWithExamples help)
    {
        if (command.Subcommands.Count > 0)
            command.Action = help;
        foreach (var subcommand in command.Subcommands)
            ShowHelpOfGroups(subcommand, help);
    }

    private sealed class ShowVersion : System.CommandLine.Invocation.SynchronousCommandLineAction
    {
        public override int Invoke(ParseResult parseResult)
        {
            var version = typeof(CommandLine).Assembly.GetCustomAttribute<AssemblyInformationalVersionAttribute>()!.InformationalVersion;
            parseResult.InvocationConfiguration.Output.WriteLine($"baka {version}");
            return 0;
        }
    }
}
