namespace Baka.Data.Streams;

/// <summary>
/// Puts windows of documents into batches. Window j of a document reads its tokens jT … (j+1)T − 1 and predicts those one
/// further on, so that each of its tokens but the first is predicted at most once, and exactly once in a text. Allocates
/// nothing.
/// </summary>
/// <param name="corpus">Whose documents.</param>
/// <param name="window">T.</param>
internal sealed class DocumentWindows(ICorpus corpus, int window)
{
    /// <param name="slot">Row and window of the batch, as its <see cref="WindowBatch.DocumentWindow"/> has them.</param>
    /// <param name="document">What is read.</param>
    /// <param name="index">Which of its windows.</param>
    /// <returns>How many tokens the window predicts.</returns>
    public int Fill(WindowBatch batch, int slot, DocumentSpan document, int index)
    {
        var from = (long)index * window;
        var present = (int)Math.Min(window, document.Tokens - from);
        var predicted = (int)Math.Min(window, document.Tokens - 1 - from);
        var tokens = batch.Tokens.AsSpan(slot * window, window);
        var targets = batch.Targets.AsSpan(slot * window, window);
        corpus.CopyTokens(document.Document, from, tokens[..present]);
        tokens[present..].Clear();
        corpus.CopyTargets(document.Document, from + 1, targets[..predicted]);
        targets[predicted..].Fill(WindowBatch.NoTarget);
        batch.DocumentWindow[slot] = index;
        batch.Documents[slot] = document.Document;
        return predicted - targets[..predicted].Count(WindowBatch.NoTarget);
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
