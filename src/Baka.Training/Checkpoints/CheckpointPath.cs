using Baka.Data;

namespace Baka.Training.Checkpoints;

/// <summary>Where the checkpoints of a run are: <c>RUN/checkpoints/step-N</c>, and <c>RUN/latest</c> and <c>RUN/best</c>, small texts that name one.</summary>
public static class CheckpointPath
{
    internal const string Latest = "latest";
    internal const string Best = "best";

    private const string Checkpoints = "checkpoints";
    private const string StepPrefix = "step-";

    /// <summary>The folder of the checkpoint of a step.</summary>
    public static string ForStep(string runFolder, long step) => Path.Combine(runFolder, Checkpoints, $"{StepPrefix}{step}");

    /// <summary>The folder of the checkpoint that a path means: a checkpoint, a run (its latest), or a run's <c>latest</c> or <c>best</c>.</summary>
    /// <exception cref="UserException">There is none.</exception>
    public static string Resolve(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        if (Existing(full) is { } checkpoint)
        {
            return checkpoint;
        }

        var run = Directory.Exists(full) ? full : Path.GetDirectoryName(full);
        var pointer = Directory.Exists(full) ? Latest : Path.GetFileName(full);
        if (run is null || pointer is not (Latest or Best) || !(IsRun(run) || File.Exists(full)))
        {
            throw new UserException(
                Directory.Exists(full) || File.Exists(full)
                    ? $"'{path}' is not a checkpoint: give a run's folder, its 'latest' or 'best', or a folder in its 'checkpoints'."
                    : $"There is no checkpoint '{path}': give a run's folder, its 'latest' or 'best', or a folder in its 'checkpoints'.");
        }

        // A run that was killed right after its first checkpoint, before it could point at it, has a latest all the same.
        return Pointed(run, pointer)
            ?? (pointer == Latest ? Newest(run) : null)
            ?? throw new UserException($"The run '{run}' has no {pointer} checkpoint yet: train it for longer, or give another one.");
    }

    /// <summary>The steps that a run has complete checkpoints of, lowest first.</summary>
    internal static IReadOnlyList<long> Steps(string runFolder)
    {
        var parent = Path.Combine(runFolder, Checkpoints);
        return !Directory.Exists(parent)
            ? []
            : [.. Directory.GetDirectories(parent).Select(StepOf).OfType<long>().Where(step => Existing(ForStep(runFolder, step)) is not null).Order()];
    }

    /// <summary>The step whose checkpoint a pointer of a run names; null when it names none.</summary>
    internal static long? StepAt(string runFolder, string pointer) => Pointed(runFolder, pointer) is { } folder ? StepOf(folder) : null;

    /// <summary>The text of a pointer to the checkpoint of a step.</summary>
    internal static string PointerTo(long step) => $"{StepPrefix}{step}\n";

    private static bool IsRun(string folder) => Directory.Exists(Path.Combine(folder, Checkpoints));

    private static string? Newest(string run) => Steps(run) is [.., var newest] ? Existing(ForStep(run, newest)) : null;

    private static string? Pointed(string run, string pointer)
    {
        try
        {
            var name = File.ReadAllText(Path.Combine(run, pointer)).Trim();
            return StepOf(name) is { } step ? Existing(ForStep(run, step)) : null;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    private static string? Existing(string folder) =>
        IsCheckpoint(folder) ? folder : CheckpointWriter.FindReplaced(folder) is { } replaced && IsCheckpoint(replaced) ? replaced : null;

    private static bool IsCheckpoint(string folder) => File.Exists(Path.Combine(folder, CheckpointFiles.State));

    private static long? StepOf(string folder)
    {
        var name = Path.GetFileName(folder);
        return name.StartsWith(StepPrefix, StringComparison.Ordinal)
            && long.TryParse(name.AsSpan(StepPrefix.Length), System.Globalization.NumberStyles.None, null, out var step)
            ? step
            : null;
    }
}
