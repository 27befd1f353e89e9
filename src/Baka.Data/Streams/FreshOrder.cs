namespace Baka.Data.Streams;

/// <summary>Documents without end, all of one length, each but once.</summary>
/// <param name="length">Tokens of each.</param>
/// <param name="seed">That of the documents.</param>
internal sealed class FreshOrder(int length, ulong seed) : IDocumentOrder
{
    public ulong Seed { get; } = seed;

    public int Epoch => 0;

    public int Next { get; private set; }

    public int DocumentCount => int.MaxValue;

    public long TokenCount => (long)length * DocumentCount;

    public DocumentSpan? Take() => new DocumentSpan(Next++, length);

    public DocumentSpan? Find(int document) => document >= 0 && document < Next ? new DocumentSpan(document, length) : null;

    public bool TryRestore(int epoch, int next)
    {
        if (epoch != 0 || next < 0)
            return false;
        Next = next;
        return true;
    }
}
