using Baka.Cuda.Interop;
using Baka.Data;
using Baka.Graph;
using Baka.Model.Recipes;

namespace Baka.Cli.Shell;

/// <summary>Every error becomes one sentence on standard error and an exit code, here and nowhere else.</summary>
internal static class ErrorReport
{
    private const int Failed = 1;
    private const int WrongUsage = 2;
    private const int Interrupted = 130;
    private const int BrokenPipe = 32;

    /// <returns>The exit code.</returns>
    public static int Write(Exception failure, Terminal terminal, bool verbose)
    {
        var (code, sentence) = Describe(failure);
        if (sentence is not null)
            terminal.Error.WriteLine($"baka: {sentence}");
        if (verbose && code != Interrupted)
            terminal.Error.WriteLine(failure);
        return code;
    }

    private static (int Code, string? Sentence) Describe(Exception failure) => failure switch
    {
        UsageException wrong => (WrongUsage, $"{wrong.Message} See '{ProgramName.In(wrong.Command + " --help")}'."),
        RecipeException => (WrongUsage, failure.Message),
        UserException or GraphException or CudaException => (Failed, failure.Message),
        OperationCanceledException => (Interrupted, null),
        IOException { HResult: BrokenPipe } => (0, null),
        IOException or UnauthorizedAccessException => (Failed, $"the disk or a file refused: {failure.Message}"),
        OutOfMemoryException => (Failed, "there is not enough memory for this; make the batch, the window or the model smaller."),
        AggregateException { InnerExceptions: [var only] } => Describe(only),
        _ => (Failed, $"something went wrong inside the program ({failure.GetType().Name}: {FirstLine(failure.Message)}); run it again with --verbose to see where."),
    };

    private static string FirstLine(string text) => text.Split('\n', 2)[0].TrimEnd('.', '\r');
}
