using System.Text.Json.Nodes;
using Baka.Training.Optimization;

namespace Baka.Training.Checkpoints;

/// <summary>Where a run stands: all that a resumed run needs beside the tensors.</summary>
public sealed record CheckpointState
{
    /// <summary>The version of the layout this program writes and reads.</summary>
    public const int CurrentFormatVersion = 1;

    public int FormatVersion { get; init; } = CurrentFormatVersion;

    /// <summary>Training steps done, skipped ones included.</summary>
    public required long Step { get; init; }

    /// <summary>Passes over the data that are complete.</summary>
    public required long Epoch { get; init; }

    /// <summary>Tokens predicted in training.</summary>
    public required long TokensSeen { get; init; }

    /// <summary>Updates the optimizer made, which its bias correction counts.</summary>
    public required long OptimizerSteps { get; init; }

    /// <summary>The lowest validation loss so far, in nats a token; null before the first evaluation.</summary>
    public double? BestValidationLoss { get; init; }

    /// <summary>Steps skipped for a loss or gradient that was not finite.</summary>
    public long SkippedSteps { get; init; }

    /// <summary>Those of them since the last good step.</summary>
    public int SkippedInARow { get; init; }

    /// <summary>Gradient norms remembered by autoclip, oldest first.</summary>
    public IReadOnlyList<double> AutoClipHistory { get; init; } = [];

    /// <summary>The random generators by name.</summary>
    public IReadOnlyDictionary<string, RngState> RandomStates { get; init; } = new Dictionary<string, RngState>();

    /// <summary>Where the data stream stands, in its own words.</summary>
    public JsonNode? DataPosition { get; init; }

    /// <summary>Time spent in training, in seconds.</summary>
    public double WallSeconds { get; init; }

    /// <summary>The other files of the checkpoint, by name; filled in when it is written.</summary>
    public IReadOnlyDictionary<string, FileSeal> Files { get; init; } = new Dictionary<string, FileSeal>();
}
