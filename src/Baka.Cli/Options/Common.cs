using System.CommandLine;
using Baka.Model.Recipes;
using Baka.Training.Devices;

namespace Baka.Cli.Options;

/// <summary>Options and arguments that several commands have, worded once.</summary>
internal static class Common
{
    public const string SetName = "--set";

    public static Option<int?> Threads() => Values.Whole("--threads", "Threads that compute [default: one for each processor core]", atLeast: 1);

    public static int ThreadsOf(ParseResult arguments, Option<int?> threads) => arguments.GetValue(threads) ?? Environment.ProcessorCount;

    public static Option<string[]> Set() => Values.Texts(SetName, "KEY=VALUE", "Set a key of the recipe, such as xl.windows=2 (all keys: docs/recipes.md); may be given again");

    public static Option<string> Device() => Values.Choice("--device", "Where to compute", "cpu", "cuda");

    public static Option<Precision?> Precision() =>
        Values.Choice<Precision>("--precision", "What a GPU computes with [default: the recipe's precision, else bf16 on a GPU; the CPU has f32 alone]");

    public static Option<bool> Debug() => Values.Switch("--debug", "Compute node by node on the CPU with the slow reference kernels and stop at the first NaN");

    public static DeviceChoice DeviceOf(
        ParseResult arguments, Option<string> device, Option<Precision?> precision, Option<int?> threads, Option<bool>? debug = null) =>
        new(arguments.GetRequiredValue(device), ThreadsOf(arguments, threads), debug is not null && arguments.GetValue(debug), arguments.GetValue(precision));

    public static Argument<string> Checkpoint() => new("CKPT") { Description = "A run's folder (its latest checkpoint), its 'best', or a folder in its 'checkpoints'" };

    public static Option<string> Memory() => Values.Choice("--memory", "off forgets everything at the end of every window", "on", "off");

    public static bool IsOn(ParseResult arguments, Option<string> choice) => arguments.GetRequiredValue(choice) == "on";

    public static Option<bool> Json() => Values.Switch("--json", "Print JSON for machines");

    public static Argument<string> Tokenizer() => new("TOKENIZER") { Description = "A tokenizer.json, a run's folder, or a checkpoint" };
}
