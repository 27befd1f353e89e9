using System.Globalization;

namespace Baka.Training.Runs;

/// <summary>Says once, when the first steps have shown it, that a run will take very long, and what would shorten it.</summary>
/// <param name="onGpu">Whether the run is on a GPU already.</param>
internal sealed class LongRun(ITrainObserver observer, bool onGpu)
{
    private static readonly TimeSpan Watched = TimeSpan.FromSeconds(30);
    private static readonly TimeSpan Long = TimeSpan.FromHours(8);

    private bool _isKnown;

    public void Watch(TrainProgress progress)
    {
        if (_isKnown || progress.Elapsed < Watched)
        {
            return;
        }

        _isKnown = true;
        if (progress.Left > Long)
        {
            var hours = progress.Left.TotalHours.ToString("F0", CultureInfo.InvariantCulture);
            var elsewhere = onGpu ? "--set preset=small makes a smaller model" : "--set preset=small makes a model for a CPU, and --device cuda trains on a GPU";
            observer.Message($"At this speed the run takes {hours} hours more: Ctrl-C saves it, --minutes N ends it in time, {elsewhere}.");
        }
    }
}
