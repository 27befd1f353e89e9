using Baka.Data.Shards;
using Baka.Data.Streams;
using Baka.Data.Tokenizers;
using Baka.Graph.Execution;
using Baka.Model;
using Baka.Model.Programs;

namespace Baka.Training.Evaluation;

/// <summary>
/// Reads documents from their start, window by window with state carried, and measures every predicted token once.
/// Its carried state is its own: training on the same device goes on as if nothing had happened.
/// </summary>
internal sealed class WindowEvaluation : IDisposable
{
    private readonly EvaluationProgram _program;
    private readonly WindowBatch _batch;
    private readonly float[] _nll;

    public WindowEvaluation(IDevice device, LanguageModel model, int rows, int windows)
    {
        _program = EvaluationProgram.Create(device, model, rows, windows, CarryPrefix(rows));
        _batch = new WindowBatch(rows, windows, _program.Window);
        _nll = new float[_batch.Tokens.Length];
    }

    /// <summary>Of one run of the program, padding included.</summary>
    public int TokensPerStep => _batch.Tokens.Length;

    /// <summary>Of the names of carried variables. On a device a name has one shape, and another evaluation may have another number of rows.</summary>
    public static string CarryPrefix(int rows) => $"evaluation.{rows}.carry";

    /// <summary>A predicted token.</summary>
    /// <param name="row">Of the batch.</param>
    /// <param name="position">In its document; the first that is predicted is 1.</param>
    /// <param name="nll">Negative log-likelihood in nats.</param>
    public delegate void Visitor(int row, long position, int token, float nll);

    /// <param name="tokenizer">Counts the bytes of documents that are read in part.</param>
    /// <param name="limit">Most tokens to predict, chosen as <see cref="EvaluationPlan"/> says; null for all.</param>
    /// <param name="memory">False begins every window with the state of a document's start.</param>
    /// <exception cref="Data.UserException">There is nothing to predict.</exception>
    public EvaluationReport Measure(
        TokenCorpus corpus, Tokenizer tokenizer, long? limit, bool memory, IProgress<double>? progress, CancellationToken stop)
    {
        var meter = new LossMeter(_batch.Rows);
        Visit(corpus, limit, memory, (row, position, _, nll) =>
        {
            if (position == 1)
            {
                meter.BeginDocument(row);
            }

            meter.Add(row, nll);
        }, progress, stop);
        meter.AddBytes(EvaluationPlan.Make(corpus, limit).Sum(span => TextBytes(corpus, tokenizer, span)));
        return meter.Report();
    }

    /// <inheritdoc cref="Measure"/>
    public void Visit(TokenCorpus corpus, long? limit, bool memory, Visitor visit, IProgress<double>? progress, CancellationToken stop)
    {
        var stream = WindowStream.ForEvaluation(corpus, _batch.Rows, _batch.WindowsPerStep, _batch.Window, limit);
        var total = stream.PredictedTokensPerEpoch;
        var done = 0L;
        for (var seed = 0UL; stream.Next(_batch); seed += (ulong)_batch.DocumentWindow.Length)
        {
            stop.ThrowIfCancellationRequested();
            _program.SetBatch(_batch.Tokens, _batch.Targets, memory ? _batch.DocumentWindow : new int[_batch.DocumentWindow.Length], seed);
            _program.Run();
            _program.CopyNll(_nll);
            VisitBatch(visit);
            done += _batch.PredictedTokens;
            progress?.Report((double)done / total);
        }
    }

    public void Dispose() => _program.Dispose();

    /// <summary>How many rows are worth having: no more than there are documents.</summary>
    public static int Rows(TokenCorpus corpus, int wanted, long? limit) => Math.Clamp(EvaluationPlan.Make(corpus, limit).Count, 1, wanted);

    /// <summary>UTF-8 bytes of what is read of a document.</summary>
    public static long TextBytes(TokenCorpus corpus, Tokenizer tokenizer, DocumentSpan span)
    {
        if (span.Tokens == corpus.DocumentLength(span.Document) && corpus.DocumentTextBytes(span.Document) is > 0 and var known)
        {
            return known;
        }

        const int Piece = 1 << 12;
        Span<int> tokens = stackalloc int[Piece];
        var bytes = 0L;
        for (var from = 0L; from < span.Tokens; from += Piece)
        {
            var part = tokens[..(int)Math.Min(Piece, span.Tokens - from)];
            corpus.CopyTokens(span.Document, from, part);
            foreach (var token in part)
            {
                bytes += tokenizer.TokenByteCount(token);
            }
        }

        return bytes;
    }

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
                    visit(slot / _batch.WindowsPerStep, first + i, _batch.Targets[at], _nll[at]);
                }
            }
        }
    }
}
