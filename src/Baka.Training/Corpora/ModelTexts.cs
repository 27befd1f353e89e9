using Baka.Data;
using Baka.Data.Documents;
using Baka.Data.Shards;
using Baka.Data.Streams;
using Baka.Training.Models;

namespace Baka.Training.Corpora;

/// <summary>Documents in the tokens of a trained model.</summary>
public static class ModelTexts
{
    /// <summary>The whole of some texts, or what the model's own run was validated on.</summary>
    /// <param name="model">Whose tokens.</param>
    /// <param name="data">Files and folders; none for those of the run.</param>
    /// <param name="threads">That encode.</param>
    /// <param name="progress">Told the stage.</param>
    /// <param name="stop">Ends the work with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="UserException">A text is missing or can't be read.</exception>
    public static ICorpus Open(
        LoadedModel model, IReadOnlyList<string> data, int threads, IProgress<DataProgress>? progress = null, CancellationToken stop = default)
    {
        if (data.Count == 0 && model.Recipe.Data.Task.Kind is not null)
        {
            return TaskCorpora.Validation(model.Recipe);
        }

        var texts = data.Count > 0 ? DocumentSource.Open(data) : RunTexts.Open(model.Recipe.Data).Validation;
        return Encode(model, texts, threads, progress, stop);
    }

    /// <summary>The whole of some texts.</summary>
    /// <inheritdoc cref="Open"/>
    public static TokenCorpus Encode(
        LoadedModel model, DocumentSource texts, int threads, IProgress<DataProgress>? progress = null, CancellationToken stop = default) =>
        new TextCache(threads, keep: true, progress, stop).Encode(texts, model.Tokenizer);
}
