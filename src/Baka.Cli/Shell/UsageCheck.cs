using System.CommandLine;
using System.CommandLine.Help;
using System.CommandLine.Parsing;
using Baka.Cli.Options;
using Baka.Model.Recipes;

namespace Baka.Cli.Shell;

/// <summary>Says what is wrong with arguments, in a sentence that helps.</summary>
internal static class UsageCheck
{
    /// <returns>Null if the arguments make sense.</returns>
    public static UsageException? Find(ParseResult parsed)
    {
        if (AsksForHelp(parsed))
            return null;
        var command = parsed.CommandResult;
        return Describe(parsed, command) is { } sentence ? new UsageException(sentence, PathOf(command)) : null;
    }

    /// <summary>Somebody who asks for help wants nothing else.</summary>
    private static bool AsksForHelp(ParseResult parsed) =>
        parsed.RootCommandResult.Command.Options.OfType<HelpOption>().Any(option => parsed.GetResult(option) is { Implicit: false });

    private static string? Describe(ParseResult parsed, CommandResult command)
    {
        // What looks like an option but is none is taken for an argument where there is room for one.
        var unknown = command.Children.OfType<ArgumentResult>()
            .SelectMany(argument => argument.Tokens.Select(token => token.Value))
            .Concat(parsed.UnmatchedTokens);
        if (!parsed.Tokens.Any(token => token.Type == TokenType.DoubleDash)
            && unknown.FirstOrDefault(token => token is ['-', _, ..]) is { } option)
        {
            return $"There is no option '{option}'{Suggestion(option, [.. OptionsOf(command), .. KeysOf(command)])}";
        }

        if (parsed.UnmatchedTokens is [var first, ..])
        {
            return command.Command.Subcommands.Count > 0
                ? $"There is no command '{first}'{Suggestion(first, [.. command.Command.Subcommands.Select(x => (x.Name, x.Name))])}"
                : $"There is one argument too many: '{first}'.";
        }

        return parsed.Errors is [var error, ..] ? Describe(error) : null;
    }

    private static string Describe(ParseError error) => error.SymbolResult switch
    {
        OptionResult { Tokens.Count: 0, Option.Arity.MinimumNumberOfValues: > 0 } option => $"Option {option.Option.Name} needs a value.",
        OptionResult option when option.Tokens.Count > option.Option.Arity.MaximumNumberOfValues => $"Option {option.Option.Name} is given more than once.",
        ArgumentResult { Tokens.Count: 0, Argument: { } argument } => $"{argument.HelpName ?? argument.Name} is missing: {argument.Description}.",
        _ => error.Message,
    };

    private static string PathOf(CommandResult command) =>
        command.Parent is CommandResult parent ? $"{PathOf(parent)} {command.Command.Name}" : "baka";

    private static IEnumerable<(string Name, string Meant)> OptionsOf(CommandResult command) =>
        command.Command.Options.Concat(Parents(command).SelectMany(parent => parent.Command.Options.Where(option => option.Recursive))).Select(x => (x.Name, x.Name));

    /// <summary>What one command has an option for is a key of the recipe to another.</summary>
    private static IEnumerable<(string Name, string Meant)> KeysOf(CommandResult command) =>
        command.Command.Options.Any(option => option.Name == Common.SetName)
            ? RecipeDocumentation.Keys.SelectMany(key => NamesOf(key).Select(name => ($"--{name}", $"{Common.SetName} {key.Path}=…")))
            : [];

    /// <summary>What an option for a key might be called: as the key itself, or as its explanation begins, such as "learning-rate".</summary>
    private static string[] NamesOf(RecipeKey key) =>
        [key.Path[(key.Path.LastIndexOf('.') + 1)..].Replace('_', '-'), string.Join('-', key.Help.Split(' ').Take(2))];

    private static IEnumerable<CommandResult> Parents(CommandResult command)
    {
        for (var parent = command.Parent as CommandResult; parent is not null; parent = parent.Parent as CommandResult)
            yield return parent;
    }

    /// <summary>The end of a sentence about a name that is none.</summary>
    /// <param name="known">Names that there are, and what to write for them.</param>
    private static string Suggestion(string wrong, IReadOnlyList<(string Name, string Meant)> known)
    {
        var limit = Math.Max(1, wrong.Length / 3);
        var nearest = known
            .Select(x => (x.Meant, Distance: EditDistance(wrong, x.Name)))
            .Where(x => x.Distance <= limit)
            .OrderBy(x => x.Distance)
            .FirstOrDefault().Meant;
        return nearest is null ? "." : $"; did you mean '{nearest}'?";
    }

    /// <summary>Insertions, deletions, substitutions, and swaps of neighbors that make one word into the other.</summary>
    private static int EditDistance(string x, string y)
    {
        var distance = new int[x.Length + 1, y.Length + 1];
        for (var i = 0; i <= x.Length; i++) distance[i, 0] = i;
        for (var j = 0; j <= y.Length; j++) distance[0, j] = j;
        for (var i = 1; i <= x.Length; i++)
        {
            for (var j = 1; j <= y.Length; j++)
            {
                var substituted = distance[i - 1, j - 1] + (x[i - 1] == y[j - 1] ? 0 : 1);
                distance[i, j] = Math.Min(substituted, Math.Min(distance[i - 1, j], distance[i, j - 1]) + 1);
                if (i > 1 && j > 1 && x[i - 1] == y[j - 2] && x[i - 2] == y[j - 1])
                    distance[i, j] = Math.Min(distance[i, j], distance[i - 2, j - 2] + 1);
            }
        }

        return distance[x.Length, y.Length];
    }
}
