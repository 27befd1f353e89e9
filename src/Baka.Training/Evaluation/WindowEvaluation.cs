using Baka.Data.Streams;
using Baka.Data.Tokenizers;
using Baka.Graph.Execution;
using Baka.Model;
using Baka.Model.Programs;

namespace Baka.Training.Evaluation;

/// <summary>
/// Reads documents from their start, window by window with state carried, and measures every token to be predicted once.
/// Its carried state is its own: training on the same device goes on as if nothing had happened.
/// </summary>
internal sealed class WindowEvaluation : IDisposable
{
    private readonly EvaluationProgram _program;
    private readonly WindowBatch _batch;
    private readonly float[] _nll;
    private readonly float[] _correct;

    public WindowEvaluation(IDevice device, LanguageModel model, int rows, int windows)
    {
        _program = EvaluationProgram.Create(device, model, rows, windows, CarryPrefix(rows));
        _batch = new WindowBatch(rows, windows, _program.Window);
        _nll = new float[_batch.Tokens.Length];
        _correct = new float[_nll.Length];
    }

    /// <summary>Of one run of the program, padding included.</summary>
    public int TokensPerStep => _batch.Tokens.Length;

    /// <summary>Of the names of carried variables. On a device a name has one shape, and another evaluation may have another number of rows.</summary>
    public static string CarryPrefix(int rows) => $"evaluation.{rows}.carry";

    /// <summary>Told of every predicted token, those of a document in order.</summary>
    public delegate void Visitor(in PredictedToken token);

    /// <param name="tokenizer">Counts the bytes of documents that are read in part.</param>
    /// <param name="limit">Most tokens to predict, chosen as <see cref="ICorpus.Evaluated"/> says; null for all.</param>
    /// <param name="memory">False begins every window with the state of a document's start.</param>
    /// <exception cref="Data.UserException">There is nothing to predict.</exception>
    public EvaluationReport Measure(
        ICorpus corpus, Tokenizer tokenizer, long? limit, bool memory, IProgress<double>? progress, CancellationToken stop)
    {
        var meter = new LossMeter(_batch.Rows);
        var documents = new int[_batch.Rows];
        Array.Fill(documents, WindowBatch.NoDocument);
        Visit(corpus, limit, memory, (in PredictedToken token) =>
        {
            if (documents[token.Row] != token.Document)
            {
                documents[token.Row] = token.Document;
                meter.BeginDocument(token.Row);
            }

            meter.Add(token.Row, token.Position, token.Nll, token.IsCorrect);
        }, progress, stop);
        meter.AddBytes(corpus.Evaluated(limit).Sum(span => corpus.CountTextBytes(span, tokenizer)));
        return meter.Report();
    }

    /// <inheritdoc cref="Measure"/>
    public void Visit(ICorpus corpus, long? limit, bool memory, Visitor visit, IProgress<double>? progress, CancellationToken stop)
    {
        var stream = WindowStream.ForEvaluation(corpus, _batch.Rows, _batch.WindowsPerStep, _batch.Window, limit);
        var total = corpus.Evaluated(limit).Sum(corpus.CountPredicted);
        var done = 0L;
        for (var seed = 0UL; stream.Next(_batch); seed += (ulong)_batch.DocumentWindow.Length)
        {
            stop.ThrowIfCancellationRequested();
            _program.SetBatch(_batch.Tokens, _batch.Targets, memory ? _batch.DocumentWindow : new int[_batch.DocumentWindow.Length], seed);
            _program.Run();
            _program.CopyNll(_nll);
            _program.CopyCorrect(_correct);
            VisitBatch(visit);
            done += _batch.PredictedTokens;
            progress?.Report((double)done / total);
        }
    }

    public void Dispose() => _program.Dispose();

    /// <summary>How many rows are worth having: no more than there are documents.</summary>
    public static int Rows(ICorpus corpus, int wanted, long? limit) => Math.Clamp(corpus.Evaluated(limit).Count, 1, wanted);

    private void VisitBatch(Visitor visit)
    {
        for (var slot = 0; slot < _batch.DocumentWindow.Length; slot++)
        {
            var first = (long)_batch.DocumentWindow[slot] * _batch.Window + 1;
            for (var i = 0; i < _batch.Window; i++)
            {
                var at = slot * _batch.Window + i;
                if (_batch.Targets[at] != WindowBatch.NoTarget)
                {
                    visit(new PredictedToken(slot / _batch.WindowsPerStep, _batch.Documents[slot], first + i, _batch.Targets[at], _nll[at], _correct[at] > 0));
                }
            }
        }
    }
}
