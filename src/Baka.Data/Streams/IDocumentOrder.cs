namespace Baka.Data.Streams;

/// <summary>Hands documents out, one after the other.</summary>
public interface IDocumentOrder
{
    /// <summary>Decides the order.</summary>
    ulong Seed { get; }

    /// <summary>How many times all documents have been handed out.</summary>
    int Epoch { get; }

    /// <summary>How many documents of this epoch have been handed out.</summary>
    int Next { get; }

    /// <summary>How many documents there are.</summary>
    int DocumentCount { get; }

    /// <summary>Their tokens.</summary>
    long TokenCount { get; }

    /// <summary>The next document; null if there is none left.</summary>
    DocumentSpan? Take();

    /// <summary>A document by its number; null if it is none of these.</summary>
    DocumentSpan? Find(int document);

    /// <summary>Goes where another of the same documents and seed stood.</summary>
    /// <returns>Whether there is such a place.</returns>
    bool TryRestore(int epoch, int next);
}
