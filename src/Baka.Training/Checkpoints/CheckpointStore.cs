using Baka.Data;

namespace Baka.Training.Checkpoints;

/// <summary>
/// The checkpoints of one run. Whatever happens while one is saved, the one before it stays loadable; the best
/// one so far is never deleted.
/// </summary>
public sealed class CheckpointStore
{
    private readonly string _runFolder;
    private readonly int _keepLast;
    private readonly DurableFiles _disk;
    private readonly CheckpointWriter _writer;

    /// <param name="runFolder">The run's folder.</param>
    /// <param name="keepLast">How many of the newest checkpoints are kept, beside the best.</param>
    /// <exception cref="UserException"><paramref name="keepLast"/> is below 1.</exception>
    public CheckpointStore(string runFolder, int keepLast)
        : this(runFolder, keepLast, new DurableFiles())
    {
    }

    internal CheckpointStore(string runFolder, int keepLast, DurableFiles disk)
    {
        if (keepLast < 1)
        {
            throw new UserException($"The number of checkpoints to keep is {keepLast}, but it must be at least 1.");
        }

        _runFolder = Path.GetFullPath(runFolder);
        _keepLast = keepLast;
        _disk = disk;
        _writer = new CheckpointWriter(disk);
    }

    /// <summary>Saves a checkpoint, points <c>latest</c> (and <c>best</c>) at it, and deletes the ones that are no longer kept.</summary>
    /// <param name="state">Its step names the folder; its <see cref="CheckpointState.Files"/> are filled in here.</param>
    /// <param name="files">All files but state.json.</param>
    /// <param name="isBest">The checkpoint has the lowest validation loss so far.</param>
    /// <returns>The folder of the checkpoint.</returns>
    /// <exception cref="UserException">The disk is full, or refuses otherwise; the checkpoints before are untouched.</exception>
    public string Save(CheckpointState state, IReadOnlyList<CheckpointFile> files, bool isBest)
    {
        var folder = CheckpointPath.ForStep(_runFolder, state.Step);
        _writer.Write(folder, state, files);
        Point(state.Step, isBest);
        DeleteOld(state.Step);
        return folder;
    }

    private void Point(long step, bool isBest)
    {
        try
        {
            _disk.DeleteUnfinishedFiles(_runFolder);
            // The best first: a run killed in between resumes from the one before and finds the same best again.
            if (isBest)
            {
                _disk.Replace(Path.Combine(_runFolder, CheckpointPath.Best), CheckpointPath.PointerTo(step));
            }

            _disk.Replace(Path.Combine(_runFolder, CheckpointPath.Latest), CheckpointPath.PointerTo(step));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new UserException(
                $"'{_runFolder}' can't be written ({e.Message.TrimEnd('.')}): its checkpoints are unharmed, so make room and resume.", e);
        }
    }

    private void DeleteOld(long latest)
    {
        var best = CheckpointPath.StepAt(_runFolder, CheckpointPath.Best);
        // Higher steps than the latest are those of a run resumed from before them; it replaces them when it gets there.
        var old = CheckpointPath.Steps(_runFolder).Where(step => step <= latest).Reverse().Skip(_keepLast);
        foreach (var step in old.Where(step => step != best))
        {
            try
            {
                _writer.Delete(CheckpointPath.ForStep(_runFolder, step));
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                // Not worth a run: it stays, and is tried again after the next checkpoint.
            }
        }
    }
}
