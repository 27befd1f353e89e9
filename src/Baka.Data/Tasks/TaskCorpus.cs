using System.Runtime.InteropServices;
using System.Security.Cryptography;
using Baka.Data.Streams;
using Baka.Data.Tokenizers;

namespace Baka.Data.Tasks;

/// <summary>
/// Documents of a task, made when they are read: each follows from the task, the corpus' seed and its own number. A hash of
/// what a document says decides whether it is for training or for validation, and a draw for the other side is drawn
/// again, so that no document is ever on both. For one thread at a time.
/// </summary>
public sealed class TaskCorpus : ICorpus
{
    /// <summary>Documents to be validated on.</summary>
    public const int ValidationDocuments = 1000;

    // One document in so many is for validation.
    private const int Shares = 4;
    private const int MostDraws = 1000;

    private readonly MemoryTask _task;
    private readonly ulong _seed;
    private readonly bool _validates;
    private readonly int _length;
    // Rows read their documents window by window and about at the same time: each is made once and kept meanwhile.
    private readonly Kept[] _kept;

    private TaskCorpus(MemoryTask task, int length, ulong seed, bool validates, int kept)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(length, 2);
        (_task, _length, _validates) = (task, length, validates);
        _seed = new SplitMix64(seed ^ (ulong)length << 32).Next();
        _kept = [.. Enumerable.Range(0, kept).Select(_ => new Kept(length))];
        Make(0);
    }

    /// <inheritdoc/>
    public int? DocumentCount => _validates ? ValidationDocuments : null;

    /// <inheritdoc/>
    public long TokenCount => (long)_length * (DocumentCount ?? int.MaxValue);

    /// <inheritdoc/>
    public long TextBytes => 0;

    /// <summary>Fresh documents without end.</summary>
    /// <param name="length">Tokens of each.</param>
    /// <param name="seed">Other seeds give other documents.</param>
    /// <param name="rows">That read them side by side.</param>
    /// <exception cref="UserException">The task does not fit the documents, or has too few different ones.</exception>
    public static TaskCorpus ForTraining(MemoryTask task, int length, ulong seed, int rows) => new(task, length, seed, validates: false, rows);

    /// <summary>The documents to be validated on: always the same.</summary>
    /// <inheritdoc cref="ForTraining"/>
    public static TaskCorpus ForValidation(MemoryTask task, int length, int rows) => new(task, length, seed: 0, validates: true, rows);

    /// <summary>SHA-256 of the documents to be validated on, by which a task is known.</summary>
    /// <inheritdoc cref="ForTraining"/>
    public static byte[] Fingerprint(MemoryTask task, int length)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        using var corpus = ForValidation(task, length, rows: 1);
        for (var document = 0; document < ValidationDocuments; document++)
            hash.AppendData(MemoryMarshal.AsBytes(corpus.Make(document).Tokens.AsSpan()));
        return hash.GetHashAndReset();
    }

    /// <summary>Where in a document its first answer begins, and how many tokens it has.</summary>
    public (int Start, int Length) FirstAnswer(int document)
    {
        var answers = Make(document).Answers.AsSpan();
        var start = answers.IndexOf(true);
        var length = answers[start..].IndexOf(false);
        return (start, length < 0 ? answers.Length - start : length);
    }

    /// <inheritdoc/>
    public IDocumentOrder TrainingOrder(ulong seed) => new FreshOrder(_length, seed);

    /// <summary>Whole documents, until they have as many answer tokens as wanted.</summary>
    /// <inheritdoc/>
    public IReadOnlyList<DocumentSpan> Evaluated(long? limit = null)
    {
        var spans = new List<DocumentSpan>();
        for (var (document, predicted) = (0, 0L); document < ValidationDocuments && predicted < (limit ?? long.MaxValue); document++)
        {
            spans.Add(new DocumentSpan(document, _length));
            predicted += CountPredicted(spans[^1]);
        }

        return spans;
    }

    /// <inheritdoc/>
    public long DocumentLength(int document) => _length;

    /// <inheritdoc/>
    public void CopyTokens(int document, long offset, Span<int> to) => Make(document).Tokens.AsSpan((int)offset, to.Length).CopyTo(to);

    /// <inheritdoc/>
    public void CopyTargets(int document, long offset, Span<int> to)
    {
        var kept = Make(document);
        for (var i = 0; i < to.Length; i++)
            to[i] = kept.Answers[offset + i] ? kept.Tokens[offset + i] : WindowBatch.NoTarget;
    }

    /// <inheritdoc/>
    public long CountPredicted(DocumentSpan span) => Make(span.Document).Answers.AsSpan(0, (int)span.Tokens).Count(true);

    /// <summary>None: symbols are not text.</summary>
    public long CountTextBytes(DocumentSpan span, Tokenizer tokenizer) => 0;

    public void Dispose()
    {
        // There is nothing to let go of.
    }

    private Kept Make(int document)
    {
        var kept = _kept[document % _kept.Length];
        if (kept.Document == document)
            return kept;
        kept.Document = WindowBatch.NoDocument;
        var random = new SplitMix64(new SplitMix64(_seed + (ulong)document * 0xD1B54A32D192ED03).Next());
        for (var draw = 0; draw < MostDraws; draw++)
        {
            kept.Answers.AsSpan().Clear();
            _task.Write(ref random, kept.Tokens, kept.Answers);
            if (IsForValidation(kept.Tokens) == _validates)
            {
                kept.Document = document;
                return kept;
            }
        }

        throw new UserException("the task has too few different documents to keep some for validation: give it more symbols or a greater length.");
    }

    private static bool IsForValidation(ReadOnlySpan<int> tokens)
    {
        var hash = 0UL;
        foreach (var token in tokens)
            hash = new SplitMix64(hash + (ulong)token).Next();
        return hash % Shares == 0;
    }

    private sealed class Kept(int length)
    {
        public int Document { get; set; } = WindowBatch.NoDocument;

        public int[] Tokens { get; } = new int[length];

        public bool[] Answers { get; } = new bool[length];
    }
}
