using Baka.Data;
using Baka.Data.Shards;
using Baka.Training.Models;

namespace Baka.Training.Evaluation;

/// <summary>Tells token by token how well a model predicts a document.</summary>
public static class Scorer
{
    /// <summary>Visits every token of a document but its first, in order.</summary>
    /// <param name="model">What predicts.</param>
    /// <param name="tokens">The document.</param>
    /// <param name="memory">False resets state at every window.</param>
    /// <param name="visit">Given the token's place in the document (from 1), the token, and its negative log-likelihood in nats.</param>
    /// <param name="stop">Ends the work with <see cref="OperationCanceledException"/>.</param>
    /// <exception cref="UserException">There are fewer than two tokens, or one that the model does not know.</exception>
    public static void Run(LoadedModel model, ReadOnlySpan<int> tokens, bool memory, Action<int, int, double> visit, CancellationToken stop = default)
    {
        for (var i = 0; i < tokens.Length; i++)
        {
            if (tokens[i] < 0 || tokens[i] >= model.Model.Recipe.Vocabulary)
            {
                throw new UserException($"Token {tokens[i]} at place {i} is not in the model's vocabulary of {model.Model.Recipe.Vocabulary}: use the tokenizer of the checkpoint.");
            }
        }

        using var corpus = TokenCorpus.FromTokens([tokens.ToArray()]);
        using var evaluation = new WindowEvaluation(model.Device, model.Model, rows: 1, model.Recipe.Train.WindowsPerStep);
        evaluation.Visit(corpus, limit: null, memory, (in PredictedToken token) => visit((int)token.Position, token.Token, token.Nll), progress: null, stop);
    }
}
