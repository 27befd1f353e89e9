using System.CommandLine;
using System.CommandLine.Parsing;
using Baka.Cli.Shell;

namespace Baka.Cli.Tests;

public class HelpTests
{
    public static TheoryData<string> Commands =>
        [.. All().Select(command => command.Path)];

    [Theory]
    [MemberData(nameof(Commands))]
    public void Every_command_explains_itself(string path)
    {
        var outcome = BakaProgram.Run([.. path.Split(' ').Skip(1), "--help"]);
        Assert.Equal(0, outcome.Code);
        Assert.Equal("", outcome.Error);
        Assert.Contains("Usage:", outcome.Output);
    }

    [Fact]
    public void Every_command_option_and_argument_has_a_description()
    {
        foreach (var (path, command) in All())
        {
            Assert.False(string.IsNullOrWhiteSpace(command.Description), path);
            foreach (var symbol in command.Options.Cast<Symbol>().Concat(command.Arguments))
                Assert.False(string.IsNullOrWhiteSpace(symbol.Description), $"{path} {symbol.Name}");
        }
    }

    [Fact]
    public void Every_command_that_does_something_has_examples_that_are_shown()
    {
        foreach (var (path, command) in All())
        {
            if (command.Subcommands.Count > 0)
                continue;
            var examples = Assert.IsAssignableFrom<BakaCommand>(command).Examples;
            Assert.NotEmpty(examples);
            var help = BakaProgram.Run([.. path.Split(' ').Skip(1), "--help"]).Output;
            Assert.All(examples, example => Assert.Contains(example.Line, help));
        }
    }

    [Fact]
    public void Every_example_is_a_right_way_to_call_its_command()
    {
        foreach (var (path, command) in All())
        {
            if (command is not BakaCommand { Examples: var examples })
                continue;
            foreach (var (line, _) in examples)
            {
                var words = CommandLineParser.SplitCommandLine(line[line.IndexOf("baka ", StringComparison.Ordinal)..]).Skip(1).TakeWhile(word => word != ">").ToList();
                var parsed = Root().Parse(words);
                Assert.True(UsageCheck.Find(parsed) is null, $"{line}: {UsageCheck.Find(parsed)?.Message}");
                Assert.Equal(path, $"baka {string.Join(' ', words.Take(path.Split(' ').Length - 1))}");
            }
        }
    }

    [Fact]
    public void Without_arguments_the_commands_are_listed()
    {
        var outcome = BakaProgram.Run();
        Assert.Equal(0, outcome.Code);
        Assert.Contains("train", outcome.Output);
        Assert.Contains("Commands:", outcome.Output);
    }

    [Fact]
    public void The_version_is_told()
    {
        var outcome = BakaProgram.Run("--version");
        Assert.Equal(0, outcome.Code);
        Assert.StartsWith("baka 0.", outcome.Output);
    }

    private static RootCommand Root() => CommandLine.Build(new Terminal(Stream.Null, Stream.Null, Stream.Null));

    private static IEnumerable<(string Path, Command Command)> All() => All("baka", Root());

    private static IEnumerable<(string Path, Command Command)> All(string path, Command command) =>
        command.Subcommands.SelectMany(sub => All($"{path} {sub.Name}", sub)).Prepend((path, command));
}
