using System.Security.Cryptography;
using Baka.Data.Streams;
using Baka.Data.Tokenizers;

namespace Baka.Data.Shards;

/// <summary>The tokens of a sequence of documents, read at random. Safe to read from several threads.</summary>
public sealed class TokenCorpus : ICorpus
{
    private readonly TokenMemory _tokens;
    private readonly DocumentIndex _index;

    internal TokenCorpus(TokenMemory tokens, DocumentIndex index)
        : this(tokens, index, index.TextBytes.Sum())
    {
    }

    private TokenCorpus(TokenMemory tokens, DocumentIndex index, long textBytes)
    {
        _tokens = tokens;
        _index = index;
        TokenCount = index.Lengths.Sum();
        TextBytes = textBytes;
    }

    /// <summary>How many documents there are.</summary>
    public int DocumentCount => _index.Count;

    /// <summary>Tokens in all documents together.</summary>
    public long TokenCount { get; }

    /// <summary>UTF-8 bytes of the texts of all documents together; 0 if they are not known.</summary>
    public long TextBytes { get; }

    int? ICorpus.DocumentCount => DocumentCount;

    /// <summary>
    /// Opens a shard with llm.c's header. The documents are those of the <c>.idx</c> file beside it. Without such a file,
    /// an end-of-text token parts documents and belongs to none; without that, too, the shard is one document.
    /// </summary>
    /// <param name="path">The shard.</param>
    /// <param name="endOfText">Where a shard without an index is to be parted.</param>
    /// <param name="tokenizer">Counts the bytes of the texts of a shard without an index.</param>
    /// <exception cref="UserException">The file is missing, is no shard, is cut short, or does not fit its index.</exception>
    public static TokenCorpus Open(string path, int? endOfText = null, Tokenizer? tokenizer = null)
    {
        try
        {
            var (tokenBytes, count) = CheckShard(path);
            var indexPath = IndexPath(path);
            if (!File.Exists(indexPath))
                return OpenPlain(path, tokenBytes, count, endOfText, tokenizer);
            var read = DocumentIndex.Read(File.ReadAllBytes(indexPath))
                ?? throw new UserException($"{indexPath}: the index of the token shard is damaged; delete it, or make the shard anew.");
            using (var file = File.OpenRead(path))
            {
                if (!SHA256.HashData(file).AsSpan().SequenceEqual(read.ShardHash))
                    throw new UserException($"{path}: the token shard is damaged or not the one its index belongs to; make it anew.");
            }

            return new TokenCorpus(new TokenMemory(path, tokenBytes, count), read.Index);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"{path}: the token shard can't be read ({failure.Message.TrimEnd('.')}); check the path and its permissions.", failure);
        }
    }

    /// <summary>Documents held in memory.</summary>
    /// <param name="documents">The tokens of each.</param>
    /// <param name="textBytes">UTF-8 bytes of the text of each; 0 if not given.</param>
    public static TokenCorpus FromTokens(IReadOnlyList<int[]> documents, IReadOnlyList<long>? textBytes = null)
    {
        var index = new DocumentIndexBuilder();
        for (var i = 0; i < documents.Count; i++)
            index.Add($"document {i}", documents[i].Length, textBytes?[i] ?? 0);
        return new TokenCorpus(new TokenMemory(documents.SelectMany(tokens => tokens).ToArray()), index.Build());
    }

    /// <summary>The name of a document.</summary>
    public string DocumentId(int document) => _index.Ids[document];

    /// <summary>How many tokens a document has.</summary>
    public long DocumentLength(int document) => _index.Lengths[document];

    /// <summary>UTF-8 bytes of a document's text; 0 if they are not known.</summary>
    public long DocumentTextBytes(int document) => _index.TextBytes[document];

    /// <summary>Copies tokens of one document.</summary>
    /// <param name="document">Which.</param>
    /// <param name="offset">First token, counted from the document's start.</param>
    /// <param name="to">As many as there is room for; the document must have them.</param>
    /// <exception cref="ArgumentOutOfRangeException">The document has no such tokens.</exception>
    public void CopyTokens(int document, long offset, Span<int> to)
    {
        if (offset < 0 || offset > DocumentLength(document) - to.Length)
            throw new ArgumentOutOfRangeException(nameof(offset));
        _tokens.CopyTo(_index.Starts[document] + offset, to);
    }

    /// <summary>The same tokens as one document, each text running on into the next; there for as long as this corpus is.</summary>
    public TokenCorpus Joined()
    {
        var index = new DocumentIndexBuilder();
        index.Add("all documents", _tokens.Count, TextBytes);
        return new TokenCorpus(_tokens, index.Build());
    }

    /// <summary>
    /// The same tokens with documents of more than <paramref name="longest"/> tokens cut into as few as possible of about equal length;
    /// there for as long as this corpus is.
    /// </summary>
    public TokenCorpus Cut(long longest)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(longest, 1);
        var index = new DocumentIndexBuilder();
        for (var document = 0; document < DocumentCount; document++)
        {
            var (id, length) = (DocumentId(document), DocumentLength(document));
            index.Skip(_index.Starts[document] - index.Position);
            var parts = Math.Max(1, (length + longest - 1) / longest);
            if (parts == 1)
            {
                index.Add(id, length, DocumentTextBytes(document));
                continue;
            }

            // Longer parts first; where texts are cut between tokens, their bytes are not known.
            for (var part = 0L; part < parts; part++)
                index.Add($"{id}, part {part + 1} of {parts}", length / parts + (part < length % parts ? 1 : 0), textBytes: 0);
        }

        return new TokenCorpus(_tokens, index.Build(), TextBytes);
    }

    /// <summary>Every token of a text is to be predicted.</summary>
    /// <inheritdoc/>
    public void CopyTargets(int document, long offset, Span<int> to) => CopyTokens(document, offset, to);

    /// <inheritdoc/>
    public long CountPredicted(DocumentSpan span) => span.Tokens - 1;

    /// <inheritdoc/>
    public long CountTextBytes(DocumentSpan span, Tokenizer tokenizer)
    {
        if (span.Tokens == DocumentLength(span.Document) && DocumentTextBytes(span.Document) is > 0 and var known)
            return known;
        const int Piece = 1 << 12;
        Span<int> tokens = stackalloc int[Piece];
        var bytes = 0L;
        for (var from = 0L; from < span.Tokens; from += Piece)
        {
            var part = tokens[..(int)Math.Min(Piece, span.Tokens - from)];
            CopyTokens(span.Document, from, part);
            foreach (var token in part)
                bytes += tokenizer.TokenByteCount(token);
        }

        return bytes;
    }

    /// <summary>All documents again and again, in an order drawn anew for every epoch.</summary>
    /// <inheritdoc/>
    public IDocumentOrder TrainingOrder(ulong seed) => PassOrder.Shuffled(EvaluationPlan.Make(this), seed);

    /// <summary>What <see cref="EvaluationPlan"/> says.</summary>
    /// <inheritdoc/>
    public IReadOnlyList<DocumentSpan> Evaluated(long? limit = null) => EvaluationPlan.Make(this, limit);

    public void Dispose() => _tokens.Dispose();

    internal static string IndexPath(string shard) => shard + ".idx";

    private static (int TokenBytes, int Tokens) CheckShard(string path)
    {
        using var file = File.OpenRead(path);
        var header = new byte[ShardFormat.HeaderBytes];
        var (tokenBytes, count) = ShardFormat.ReadHeader(header.AsSpan(0, file.ReadAtLeast(header, header.Length, throwOnEndOfStream: false)))
            ?? throw new UserException($"{path}: this is not a token shard (llm.c's header is expected); make it with the tokenizer, or give text.");
        var expected = ShardFormat.HeaderBytes + (long)count * tokenBytes;
        if (file.Length != expected)
            throw new UserException($"{path}: the token shard has {file.Length} bytes where its header says {expected}; copy or make it again.");
        return (tokenBytes, count);
    }

    private static TokenCorpus OpenPlain(string path, int tokenBytes, int count, int? endOfText, Tokenizer? tokenizer)
    {
        var tokens = new TokenMemory(path, tokenBytes, count);
        try
        {
            return PlainShard.FindDocuments(tokens, Path.GetFileName(path), endOfText, tokenizer);
        }
        catch
        {
            tokens.Dispose();
            throw;
        }
    }
}
