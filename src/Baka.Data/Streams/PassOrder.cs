namespace Baka.Data.Streams;

/// <summary>A fixed number of documents: once as they stand, or without end, each time in another order.</summary>
internal sealed class PassOrder : IDocumentOrder
{
    private readonly IReadOnlyList<DocumentSpan> _documents;
    private readonly bool _endless;
    // Documents of this epoch, as indices of _documents.
    private readonly int[] _order;

    private PassOrder(IReadOnlyList<DocumentSpan> documents, bool endless, ulong seed)
    {
        if (documents.Count == 0)
            throw new UserException("no document has two tokens or more, so there is nothing to predict; give more text.");
        (_documents, _endless, Seed) = (documents, endless, seed);
        _order = new int[documents.Count];
        Begin(0);
    }

    public ulong Seed { get; }

    public int Epoch { get; private set; }

    public int Next { get; private set; }

    public int DocumentCount => _documents.Count;

    public long TokenCount => _documents.Sum(document => document.Tokens);

    /// <exception cref="UserException">There is no document.</exception>
    public static PassOrder Once(IReadOnlyList<DocumentSpan> documents) => new(documents, endless: false, seed: 0);

    /// <inheritdoc cref="Once"/>
    public static PassOrder Shuffled(IReadOnlyList<DocumentSpan> documents, ulong seed) => new(documents, endless: true, seed);

    public DocumentSpan? Take()
    {
        if (Next == _order.Length)
        {
            if (!_endless)
                return null;
            Begin(Epoch + 1);
        }

        return _documents[_order[Next++]];
    }

    public DocumentSpan? Find(int document)
    {
        foreach (var span in _documents)
        {
            if (span.Document == document)
                return span;
        }

        return null;
    }

    public bool TryRestore(int epoch, int next)
    {
        if (epoch < 0 || next < 0 || next > _documents.Count)
            return false;
        Begin(epoch);
        Next = next;
        return true;
    }

    private void Begin(int epoch)
    {
        Epoch = epoch;
        Next = 0;
        for (var i = 0; i < _order.Length; i++)
            _order[i] = i;
        if (!_endless)
            return;
        // Every epoch's order follows from the seed and its number alone, so that neither has to be kept.
        var seeds = new SplitMix64(Seed + (ulong)epoch * 0xD1B54A32D192ED03);
        new SplitMix64(seeds.Next()).Shuffle(_order);
    }
}
