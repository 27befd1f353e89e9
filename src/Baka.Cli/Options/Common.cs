using System.CommandLine;

namespace Baka.Cli.Options;

/// <summary>Options and arguments that several commands have, worded once.</summary>
internal static class Common
{
    public static Option<int?> Threads() => Values.Whole("--threads", "Threads that compute [default: one for each processor core]", atLeast: 1);

    public static int ThreadsOf(ParseResult arguments, Option<int?> threads) => arguments.GetValue(threads) ?? Environment.ProcessorCount;

    public static Option<string[]> Set() => Values.Texts("--set", "KEY=VALUE", "Set a key of the recipe, such as xl.windows=2 (all keys: docs/recipes.md); may be given again");

    public static Option<bool> Json() => Values.Switch("--json", "Print JSON for machines");

    public static Argument<string> Tokenizer() => new("TOKENIZER") { Description = "A tokenizer.json, a run's folder, or a checkpoint" };
}
