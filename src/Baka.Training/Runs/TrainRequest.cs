using Baka.Data;
using Baka.Data.Documents;
using Baka.Model.Recipes;
using Baka.Training.Checkpoints;
using Baka.Training.Devices;
using Baka.Training.Models;

namespace Baka.Training.Runs;

/// <summary>What is to be trained, on what, and where the results go.</summary>
/// <param name="Recipe">Of the run. Of a run that is resumed: the checkpoint's own, see <see cref="ToResume"/>.</param>
/// <param name="Data">Files and folders to learn from; none for those of the recipe.</param>
/// <param name="Valid">Files and folders to be validated on; none for those of the recipe.</param>
/// <param name="Out">The folder of the run, which must not hold anything yet; null makes runs/NAME-DATE.</param>
/// <param name="Device">Where to compute.</param>
/// <param name="Resume">A run or checkpoint to continue exactly; null begins a new run.</param>
/// <param name="InitFrom">A run or checkpoint whose weights to begin with; null draws them by the seed.</param>
/// <param name="CommandLine">Kept with the run for the record.</param>
public sealed record TrainRequest(
    Recipe Recipe,
    IReadOnlyList<string> Data,
    IReadOnlyList<string> Valid,
    string? Out,
    DeviceChoice Device,
    string? Resume,
    string? InitFrom,
    string CommandLine)
{
    /// <summary>A new run on what the recipe says, on all processors of this machine.</summary>
    public TrainRequest(Recipe recipe)
        : this(recipe, [], [], null, DeviceChoice.Default, null, null, "")
    {
    }

    /// <summary>Documents in memory to learn from, instead of files. Nothing of them is kept in the cache.</summary>
    public DocumentSource? Documents { get; init; }

    /// <summary>Documents in memory to be validated on; null takes them out of <see cref="Documents"/>.</summary>
    public DocumentSource? ValidationDocuments { get; init; }

    /// <summary>Continues a run where a checkpoint left it.</summary>
    /// <param name="checkpoint">Anything that <see cref="CheckpointPath.Resolve"/> understands.</param>
    /// <param name="overrides">Dotted keys and values such as <c>train.steps=2000</c>; only what does not touch the steps done.</param>
    /// <param name="device">Where to compute.</param>
    /// <param name="commandLine">Kept with the run for the record.</param>
    /// <exception cref="UserException">There is no sound checkpoint.</exception>
    /// <exception cref="RecipeException">An override is wrong.</exception>
    public static TrainRequest ToResume(string checkpoint, IReadOnlyList<string> overrides, DeviceChoice device, string commandLine = "") => new(
        CheckpointContent.Recipe(CheckpointReader.Open(checkpoint, verify: false), overrides), [], [], null, device, checkpoint, null, commandLine);
}
