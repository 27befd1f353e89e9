using Baka.Data.Tokenizers;

namespace Baka.Data.Streams;

/// <summary>Documents in tokens, read by their numbers.</summary>
public interface ICorpus : IDisposable
{
    /// <summary>How many documents there are; null where new ones are made without end.</summary>
    int? DocumentCount { get; }

    /// <summary>Tokens in all documents together.</summary>
    long TokenCount { get; }

    /// <summary>UTF-8 bytes of the texts of all documents together; 0 if they are not known.</summary>
    long TextBytes { get; }

    /// <summary>How many tokens a document has.</summary>
    long DocumentLength(int document);

    /// <summary>Copies tokens of one document.</summary>
    /// <param name="document">Which.</param>
    /// <param name="offset">First token, counted from the document's start.</param>
    /// <param name="to">As many as there is room for; the document must have them.</param>
    /// <exception cref="ArgumentOutOfRangeException">The document has no such tokens.</exception>
    void CopyTokens(int document, long offset, Span<int> to);

    /// <summary>The same, but <see cref="WindowBatch.NoTarget"/> for tokens that are not to be predicted.</summary>
    /// <inheritdoc cref="CopyTokens"/>
    void CopyTargets(int document, long offset, Span<int> to);

    /// <summary>How many tokens of a document's beginning are to be predicted.</summary>
    long CountPredicted(DocumentSpan span);

    /// <summary>UTF-8 bytes of the text of a document's beginning; 0 if there is no text.</summary>
    long CountTextBytes(DocumentSpan span, Tokenizer tokenizer);

    /// <summary>The order in which training reads the documents.</summary>
    /// <exception cref="UserException">There is nothing to predict.</exception>
    IDocumentOrder TrainingOrder(ulong seed);

    /// <summary>What an evaluation reads, in order.</summary>
    /// <param name="limit">About the most tokens to predict; null for all.</param>
    IReadOnlyList<DocumentSpan> Evaluated(long? limit = null);
}
