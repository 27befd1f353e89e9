using Baka.Data.Documents;
using Baka.Model.Recipes;
using Baka.Training.Devices;
using Baka.Training.Runs;

namespace Baka.Training.Tests.Runs;

/// <summary>Runs that take a moment: a model of a few numbers with every kind of memory, on generated texts.</summary>
internal static class TinyRun
{
    public static readonly DeviceChoice Cpu = new("cpu", Threads: 1, Debug: false);

    public static readonly DeviceChoice TwoThreads = new("cpu", Threads: 2, Debug: false);

    public static readonly DeviceChoice Reference = new("cpu", Threads: 1, Debug: true);

    private static readonly string[] Words =
        ["the ", "cat ", "sat ", "on ", "a ", "mat ", "and ", "dog ", "ran ", "far ", "over ", "hills. ", "Then ", "it ", "rained.\n", "naïve "];

    public static Recipe Recipe(params string[] overrides) => RecipeLoader.Load("tiny",
    [
        "name=test", "layers=2", "dim=8", "heads=2", "mlp.hidden=16", "window=8", "vocabulary=270", "pause.count=2", "pause.random=true",
        "memory.tokens=2", "step.width=2", "step.carry=true", "data.valid_every=4", "eval.batch=3", "eval.tokens=300",
        "train.batch=3", "train.windows_per_step=2", "train.steps=12", "train.schedule.warmup=3", "train.eval_every=0", "train.checkpoint_every=0",
        .. overrides,
    ]);

    /// <summary>Documents of very different lengths, so that rows end theirs at different times.</summary>
    public static DocumentSource Documents(int count = 12)
    {
        var random = new Random(1);
        return DocumentSource.FromDocuments([.. Enumerable.Range(0, count).Select(i =>
            new Document($"document {i}", string.Concat(Enumerable.Range(0, 8 + 40 * (i % 4)).Select(_ => Words[random.Next(Words.Length)]))))]);
    }

    public static TrainRequest Request(string folder, Recipe recipe, DeviceChoice? device = null) =>
        WithDocuments(new TrainRequest(recipe) { Out = folder, Device = device ?? Cpu });

    public static TrainRequest Resume(string folder, DeviceChoice? device = null, params string[] overrides) =>
        WithDocuments(TrainRequest.ToResume(folder, overrides, device ?? Cpu));

    /// <summary>A task makes its own.</summary>
    private static TrainRequest WithDocuments(TrainRequest request) =>
        request.Recipe.Data.Task.Kind is null ? request with { Documents = Documents() } : request;
}
