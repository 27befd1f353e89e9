using Baka.Data;
using Baka.Data.Tasks;
using Baka.Data.Tokenizers;
using Baka.Model.Recipes;
using Baka.Training.Optimization;

namespace Baka.Training.Corpora;

/// <summary>The memory task of a recipe, in documents.</summary>
internal static class TaskCorpora
{
    /// <summary>The task of a recipe that has one.</summary>
    public static MemoryTask Create(TaskRecipe recipe)
    {
        var size = new TaskSize(recipe.Length, recipe.Distance, recipe.Symbols);
        return recipe.Kind switch
        {
            TaskKind.Copy => new CopyTask(size),
            TaskKind.Reverse => new ReverseTask(size),
            TaskKind.Retrieval => new RetrievalTask(size),
            TaskKind.MultiQuery => new MultiQueryTask(size),
            TaskKind.Needle => new NeedleTask(size),
            _ => throw new ArgumentException("The recipe has no task.", nameof(recipe)),
        };
    }

    /// <summary>What a run reads: documents of the curriculum's stages, then those of the task itself.</summary>
    /// <exception cref="UserException">The task does not fit its documents.</exception>
    public static RunCorpora Open(Recipe recipe)
    {
        var (task, train, segments) = (Create(recipe.Data.Task), recipe.Train, recipe.Data.Task.Segments);
        var stages = train.Curriculum.Segments.Append(segments).Select((windows, stage) =>
        {
            var seed = Rng.ForName((ulong)train.Seed, $"task, stage {stage}").NextUInt64();
            return new TrainingStage((long)stage * train.Curriculum.Steps, TaskCorpus.ForTraining(task, DocumentLength(recipe, windows), seed, train.Batch));
        });
        return new RunCorpora(
            Tokenizer.OfSymbols(task.Symbols),
            [.. stages],
            Validation(recipe),
            $"the task {ChoiceName.Of(recipe.Data.Task.Kind!.Value)} over {segments} windows of {recipe.Model.Window} tokens",
            Convert.ToHexStringLower(TaskCorpus.Fingerprint(task, DocumentLength(recipe, segments))));
    }

    /// <summary>What a run is validated on.</summary>
    /// <inheritdoc cref="Open"/>
    public static TaskCorpus Validation(Recipe recipe) =>
        TaskCorpus.ForValidation(Create(recipe.Data.Task), DocumentLength(recipe, recipe.Data.Task.Segments), recipe.Eval.Batch);

    /// <summary>All of so many windows is predicted from, and what the last token of the last predicts is there too.</summary>
    private static int DocumentLength(Recipe recipe, int windows) => (int)Math.Min(Array.MaxLength, (long)windows * recipe.Model.Window + 1);
}
