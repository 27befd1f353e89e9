using Baka.Data;
using Baka.Training.Checkpoints;

namespace Baka.Training.Runs;

/// <summary>The folder of one training run: what was run, on what, how it went, and its checkpoints.</summary>
public sealed class RunFolder
{
    private RunFolder(string path) => Path = path;

    public string Path { get; }

    /// <summary>The recipe, fully resolved.</summary>
    public string RecipePath => Within("recipe.yaml");

    /// <summary>An <see cref="EnvironmentReport"/>.</summary>
    public string EnvironmentPath => Within("environment.json");

    /// <summary>A <see cref="MetricsLog"/>.</summary>
    public string MetricsPath => Within("metrics.jsonl");

    /// <summary>Makes the folder ROOT/NAME-yyyyMMdd-HHmmss, with a number behind it when that is taken.</summary>
    /// <param name="root">Where runs are kept; made when it isn't there.</param>
    /// <param name="name">Of the recipe; what can't stand in a file name becomes a hyphen.</param>
    /// <param name="now">The time of the start.</param>
    /// <exception cref="UserException">The folder can't be made.</exception>
    public static RunFolder Create(string root, string name, DateTimeOffset now)
    {
        var clean = string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' ? c : '-')).TrimStart('.');
        var wanted = System.IO.Path.Combine(System.IO.Path.GetFullPath(root), $"{clean}-{now:yyyyMMdd-HHmmss}");
        for (var attempt = 1; ; attempt++)
        {
            var path = attempt == 1 ? wanted : $"{wanted}-{attempt}";
            if (TryClaim(path))
            {
                return new RunFolder(path);
            }
        }
    }

    /// <summary>Makes sure that a folder of the caller's choice can become a run's, without touching anything.</summary>
    /// <exception cref="UserException">There is something in it already.</exception>
    public static void RequireFree(string path)
    {
        if (File.Exists(path) || (Directory.Exists(path) && Directory.EnumerateFileSystemEntries(path).Any()))
        {
            throw NotFree(path);
        }
    }

    /// <summary>Makes a folder of the caller's choice.</summary>
    /// <exception cref="UserException">There is something in it already, or it can't be made.</exception>
    public static RunFolder CreateAt(string path)
    {
        var full = System.IO.Path.GetFullPath(path);
        return TryClaim(full)
            ? new RunFolder(full)
            : throw NotFree(path);
    }

    /// <summary>The folder of a run that exists, given by itself or by any path to one of its checkpoints.</summary>
    /// <exception cref="UserException">The path is not (in) the folder of a run.</exception>
    public static RunFolder Open(string path)
    {
        // RUN, RUN/latest, or RUN/checkpoints/step-N.
        var folder = System.IO.Path.TrimEndingDirectorySeparator(System.IO.Path.GetFullPath(path));
        for (var level = 0; level < 3 && folder is not null; level++)
        {
            var run = new RunFolder(folder);
            if (File.Exists(run.MetricsPath))
            {
                return run;
            }

            folder = System.IO.Path.GetDirectoryName(folder);
        }

        throw new UserException($"'{path}' is not the folder of a run, nor in one: give a folder that 'baka train' made.");
    }

    /// <summary>The checkpoints of the run.</summary>
    public CheckpointStore Checkpoints(int keepLast) => new(Path, keepLast);

    /// <exception cref="UserException">The disk is full, or refuses otherwise.</exception>
    public void WriteRecipe(string yaml) => Write(RecipePath, yaml);

    /// <exception cref="UserException">The disk is full, or refuses otherwise.</exception>
    public void WriteEnvironment(EnvironmentReport report) => Write(EnvironmentPath, report.ToJson());

    private static UserException NotFree(string path) =>
        new($"'{path}' is not empty: continue its run with --resume, or give another folder.");

    /// <summary>Of two runs that start in the same second only one can create the log: the other looks for another name.</summary>
    private static bool TryClaim(string path)
    {
        var run = new RunFolder(path);
        try
        {
            Directory.CreateDirectory(path);
            if (Directory.EnumerateFileSystemEntries(path).Any())
            {
                return false;
            }

            using var claim = new FileStream(run.MetricsPath, FileMode.CreateNew);
            return true;
        }
        catch (IOException) when (File.Exists(run.MetricsPath))
        {
            return false;
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"The folder '{path}' for the run can't be made: {e.Message}", e);
        }
    }

    private static void Write(string path, string text)
    {
        try
        {
            File.WriteAllText(path, text);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"'{path}' can't be written: {e.Message}", e);
        }
    }

    private string Within(string name) => System.IO.Path.Combine(Path, name);
}
