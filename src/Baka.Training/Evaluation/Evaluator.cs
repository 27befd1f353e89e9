using Baka.Data;
using Baka.Data.Streams;
using Baka.Training.Models;

namespace Baka.Training.Evaluation;

/// <summary>Measures a trained model on texts.</summary>
public static class Evaluator
{
    /// <summary>
    /// Predicts every token of every document but its first once, of tasks every token of the answers, documents read from
    /// their start with state carried.
    /// </summary>
    /// <param name="model">What is measured.</param>
    /// <param name="corpus">In the model's tokens.</param>
    /// <param name="memory">False resets state at every window, so that the difference says what remembering is worth.</param>
    /// <param name="limit">Most tokens to predict, chosen as <see cref="ICorpus.Evaluated"/> says; null for all.</param>
    /// <param name="progress">Told the share done.</param>
    /// <param name="stop">Ends the work with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="UserException">There is nothing to predict.</exception>
    public static EvaluationReport Run(
        LoadedModel model, ICorpus corpus, bool memory = true, long? limit = null, IProgress<double>? progress = null, CancellationToken stop = default)
    {
        var rows = WindowEvaluation.Rows(corpus, model.Recipe.Eval.Batch, limit);
        using var evaluation = new WindowEvaluation(model.Device, model.Model, rows, model.Recipe.Train.WindowsPerStep);
        return evaluation.Measure(corpus, model.Tokenizer, limit, memory, progress, stop);
    }
}
