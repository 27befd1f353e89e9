using Baka.Data;
using Baka.Data.Tokenizers;
using Baka.Model.Recipes;
using Baka.Training.Checkpoints;
using Baka.Training.Corpora;
using Baka.Training.Models;

namespace Baka.Training.Runs;

/// <summary>A request with everything resolved: the documents in tokens, the recipe to the last key.</summary>
/// <param name="Recipe">Its paths are absolute, so that the run can be resumed from anywhere.</param>
/// <param name="Resumed">What the run continues from.</param>
/// <param name="Initial">Whose weights the run begins with.</param>
internal sealed record PreparedRun(Recipe Recipe, RunCorpora Corpora, CheckpointReader? Resumed, CheckpointReader? Initial) : IDisposable
{
    /// <exception cref="UserException">Something of the request is missing or does not fit.</exception>
    public static PreparedRun Prepare(TrainRequest request, ITrainObserver observer, CancellationToken stop)
    {
        if (request.Resume is not null && (request.InitFrom ?? request.Out) is not null)
        {
            throw new UserException("A run that is resumed keeps its folder and its weights: leave out --out and --init-from.");
        }

        var resumed = request.Resume is { } path ? CheckpointReader.Open(path) : null;
        if (resumed is not null)
        {
            ResumeRules.Check(CheckpointContent.Recipe(resumed, []), request.Recipe);
        }

        var initial = request.InitFrom is { } from ? CheckpointReader.Open(from) : null;
        var recipe = WithPaths(request);
        var (resolved, corpora) = recipe.Data.Task.Kind is null
            ? ReadTexts(request, recipe, resumed ?? initial, observer, stop)
            : MakeTask(request, recipe, resumed ?? initial);
        return new PreparedRun(resolved, corpora, resumed, initial);
    }

    public void Dispose() => Corpora.Dispose();

    private static (Recipe Recipe, RunCorpora Corpora) ReadTexts(
        TrainRequest request, Recipe recipe, CheckpointReader? checkpoint, ITrainObserver observer, CancellationToken stop)
    {
        var texts = request.Documents is { } documents
            ? RunTexts.Of(documents, request.ValidationDocuments, recipe.Data.ValidEvery)
            : RunTexts.Open(recipe.Data);
        var cache = new TextCache(request.Device.Threads, keep: request.Documents is null, new StageProgress(observer), stop);
        observer.Stage("reading texts", null);
        var tokenizer = FindTokenizer(recipe, texts, cache, checkpoint);
        recipe = WithVocabulary(recipe, tokenizer, checkpoint, observer);
        recipe.Check();
        return (recipe, RunCorpora.Encode(texts, tokenizer, recipe.Data.DocumentTokens, cache));
    }

    /// <summary>A task has a token for each of its symbols, and so many the model has.</summary>
    private static (Recipe Recipe, RunCorpora Corpora) MakeTask(TrainRequest request, Recipe recipe, CheckpointReader? checkpoint)
    {
        if (request.Documents is not null)
        {
            throw new UserException("The recipe's task generates its documents, but documents are given too: leave out one of them.");
        }

        recipe.Check();
        var corpora = TaskCorpora.Open(recipe);
        if (checkpoint is not null && !CheckpointContent.Tokenizer(checkpoint).Fingerprint.SequenceEqual(corpora.Tokenizer.Fingerprint))
        {
            throw new UserException($"The tokens of '{checkpoint.Folder}' are not the symbols of {corpora.Description}: begin without its weights.");
        }

        return (recipe with { Model = recipe.Model with { Vocabulary = corpora.Tokenizer.VocabularySize } }, corpora);
    }

    private static Recipe WithPaths(TrainRequest request)
    {
        var recipe = request.Recipe;
        var data = recipe.Data;
        return recipe with
        {
            Data = data with { Train = Absolute(request.Data.Count > 0 ? request.Data : data.Train), Valid = Absolute(request.Valid.Count > 0 ? request.Valid : data.Valid) },
            Tokenizer = recipe.Tokenizer with { Path = recipe.Tokenizer.Path is { } path ? Path.GetFullPath(path) : null },
        };
    }

    private static ValueList<string> Absolute(IReadOnlyList<string> paths) => [.. paths.Select(Path.GetFullPath)];

    /// <summary>That of the checkpoint whose weights are used, since they mean nothing with another; else the recipe's.</summary>
    private static Tokenizer FindTokenizer(Recipe recipe, RunTexts texts, TextCache cache, CheckpointReader? checkpoint)
    {
        if (checkpoint is not null)
        {
            return CheckpointContent.Tokenizer(checkpoint);
        }

        return recipe.Tokenizer.Path is { } path ? Tokenizer.Load(path) : cache.Train(texts.Training, recipe.Model.Vocabulary);
    }

    private static Recipe WithVocabulary(Recipe recipe, Tokenizer tokenizer, CheckpointReader? checkpoint, ITrainObserver observer)
    {
        var wanted = recipe.Model.Vocabulary;
        if (tokenizer.VocabularySize > wanted && checkpoint is null)
        {
            throw new UserException(
                $"The tokenizer '{recipe.Tokenizer.Path}' has {tokenizer.VocabularySize} tokens, but the model's vocabulary is {wanted}: set vocabulary={tokenizer.VocabularySize}.");
        }

        // A published model may have more rows than tokens, but to learn rows for tokens that don't exist is waste.
        var size = checkpoint is not null ? CheckpointContent.Recipe(checkpoint, []).Model.Vocabulary
            : recipe.Tokenizer.Path is null ? tokenizer.VocabularySize
            : wanted;
        if (size != wanted)
        {
            observer.Message(checkpoint is null
                ? $"The text is too short for a vocabulary of {wanted}: it gave {size} tokens, and so many the model has."
                : $"The model's vocabulary is that of the checkpoint, {size}, instead of {wanted}.");
        }

        return recipe with { Model = recipe.Model with { Vocabulary = size } };
    }

    private sealed class StageProgress(ITrainObserver observer) : IProgress<DataProgress>
    {
        public void Report(DataProgress value) => observer.Stage(value.Stage, value.Fraction);
    }
}
