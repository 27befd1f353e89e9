namespace Baka.Data.Streams;

/// <summary>Where a stream stands, to be kept as JSON: a stream that is put there goes on exactly as this one would have.</summary>
/// <param name="Seed">Seed of the order of documents.</param>
/// <param name="Epoch">How many times all documents have been handed out.</param>
/// <param name="NextDocument">How many documents of this epoch have been handed out.</param>
/// <param name="Rows">Where each row stands.</param>
/// <param name="DocumentCount">Documents of the corpus that can be predicted, to know another corpus by.</param>
/// <param name="TokenCount">Their tokens.</param>
public sealed record StreamState(ulong Seed, int Epoch, int NextDocument, RowState[] Rows, int DocumentCount, long TokenCount);

/// <summary>Where a row stands.</summary>
/// <param name="Document">Its document's number in the corpus; −1 if it takes a new one next.</param>
/// <param name="NextWindow">The document's window that comes next.</param>
public readonly record struct RowState(int Document, int NextWindow);
