using Baka.Data.Shards;

namespace Baka.Data.Streams;

/// <summary>
/// Puts windows of documents into batches. Window j of a document reads its tokens jT … (j+1)T − 1 and predicts those one
/// further on, so that each of its tokens but the first is predicted exactly once. Allocates nothing.
/// </summary>
/// <param name="corpus">Whose documents.</param>
/// <param name="window">T.</param>
internal sealed class DocumentWindows(TokenCorpus corpus, int window)
{
    private readonly int[] _read = new int[window + 1];

    /// <param name="slot">Row and window of the batch, as its <see cref="WindowBatch.DocumentWindow"/> has them.</param>
    /// <param name="document">What is read.</param>
    /// <param name="index">Which of its windows.</param>
    /// <returns>How many tokens the window predicts.</returns>
    public int Fill(WindowBatch batch, int slot, DocumentSpan document, int index)
    {
        var from = (long)index * window;
        var predicted = (int)Math.Min(window, document.Tokens - 1 - from);
        var read = _read.AsSpan(0, predicted + 1);
        corpus.CopyTokens(document.Document, from, read);
        var tokens = batch.Tokens.AsSpan(slot * window, window);
        var targets = batch.Targets.AsSpan(slot * window, window);
        var present = Math.Min(window, read.Length);
        read[..present].CopyTo(tokens);
        tokens[present..].Clear();
        read[1..].CopyTo(targets);
        targets[predicted..].Fill(WindowBatch.NoTarget);
        batch.DocumentWindow[slot] = index;
        batch.Documents[slot] = document.Document;
        return predicted;
    }

    /// <summary>Puts nothing into a slot.</summary>
    public void Clear(WindowBatch batch, int slot)
    {
        batch.Tokens.AsSpan(slot * window, window).Clear();
        batch.Targets.AsSpan(slot * window, window).Fill(WindowBatch.NoTarget);
        batch.DocumentWindow[slot] = 0;
        batch.Documents[slot] = WindowBatch.NoDocument;
    }
}
