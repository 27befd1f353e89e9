namespace Baka.Data.Streams;

/// <summary>
/// Documents as windows, on several rows at once. When a row's document ends, its next window begins the next document of
/// the order that all rows share, while the other rows go on with theirs. Reading allocates nothing.
/// </summary>
public sealed class WindowStream
{
    private readonly DocumentWindows _windows;
    private readonly IDocumentOrder _order;
    private readonly int _windowsPerStep;
    private readonly int _window;
    private readonly Row[] _rows;

    private WindowStream(ICorpus corpus, IDocumentOrder order, int rows, int windowsPerStep, int window)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(windowsPerStep, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(window, 1);
        (_windows, _order, _windowsPerStep, _window) = (new DocumentWindows(corpus, window), order, windowsPerStep, window);
        _rows = new Row[rows];
    }

    /// <summary>How many times all documents have been handed out to rows.</summary>
    public int Epoch => _order.Epoch;

    /// <summary>An endless stream over all documents, in the order that the corpus says: that of a text is drawn anew for every epoch.</summary>
    /// <param name="corpus">Must outlive the stream.</param>
    /// <param name="rows">B.</param>
    /// <param name="windowsPerStep">W.</param>
    /// <param name="window">T.</param>
    /// <param name="seed">Decides the orders.</param>
    /// <exception cref="UserException">The corpus has nothing to predict.</exception>
    public static WindowStream ForTraining(ICorpus corpus, int rows, int windowsPerStep, int window, ulong seed) =>
        new(corpus, corpus.TrainingOrder(seed), rows, windowsPerStep, window);

    /// <summary>A stream over documents once, in their order, each going to the first row that is free.</summary>
    /// <param name="corpus">Must outlive the stream.</param>
    /// <param name="rows">B.</param>
    /// <param name="windowsPerStep">W.</param>
    /// <param name="window">T.</param>
    /// <param name="limit">About the most tokens to predict, see <see cref="ICorpus.Evaluated"/>; null for all.</param>
    /// <exception cref="UserException">The corpus has nothing to predict.</exception>
    public static WindowStream ForEvaluation(ICorpus corpus, int rows, int windowsPerStep, int window, long? limit = null) =>
        new(corpus, PassOrder.Once(corpus.Evaluated(limit)), rows, windowsPerStep, window);

    /// <summary>Fills a batch with the next windows of every row.</summary>
    /// <param name="batch">Of this stream's shape.</param>
    /// <returns>Whether there was anything left; always true of a training stream.</returns>
    public bool Next(WindowBatch batch)
    {
        if (batch.Rows != _rows.Length || batch.WindowsPerStep != _windowsPerStep || batch.Window != _window)
            throw new ArgumentException("The batch has another shape than the stream.", nameof(batch));
        batch.PredictedTokens = 0;
        var any = false;
        // Windows outside, rows inside: documents are handed out in the order of time.
        for (var w = 0; w < _windowsPerStep; w++)
        {
            for (var b = 0; b < _rows.Length; b++)
                any |= TryFill(batch, b, w);
        }

        return any;
    }

    /// <summary>Where the stream stands.</summary>
    public StreamState Save() => new(
        _order.Seed,
        _order.Epoch,
        _order.Next,
        _rows.Select(row => row.Document is { } span ? new RowState(span.Document, row.NextWindow) : new RowState(WindowBatch.NoDocument, 0)).ToArray(),
        _order.DocumentCount,
        _order.TokenCount);

    /// <summary>Puts the stream where another of the same corpus, shape and seed was saved.</summary>
    /// <exception cref="UserException">The state belongs to another stream.</exception>
    public void Restore(StreamState state)
    {
        if (state.DocumentCount != _order.DocumentCount || state.TokenCount != _order.TokenCount)
            throw new UserException($"the saved place in the data belongs to {state.DocumentCount} documents of {state.TokenCount} tokens, but these are {_order.DocumentCount} of {_order.TokenCount}; resume with the same data and tokenizer.");
        if (state.Rows.Length != _rows.Length)
            throw new UserException($"the saved place in the data has {state.Rows.Length} rows, but {_rows.Length} are asked for; resume with the same batch.");
        if (state.Seed != _order.Seed)
            throw new UserException($"the saved place in the data was reached with seed {state.Seed}, not {_order.Seed}; resume with the same seed.");
        if (!_order.TryRestore(state.Epoch, state.NextDocument))
            throw DamagedState();
        state.Rows.Select(FindRow).ToArray().CopyTo(_rows, 0);
    }

    private static UserException DamagedState() => new("the saved place in the data is damaged; resume from another checkpoint.");

    private Row FindRow(RowState state)
    {
        if (state.Document == WindowBatch.NoDocument)
            return default;
        return _order.Find(state.Document) is { } span && state.NextWindow >= 0 && state.NextWindow <= span.CountWindows(_window)
            ? new Row(span, state.NextWindow)
            : throw DamagedState();
    }

    /// <returns>Whether the row has anything left.</returns>
    private bool TryFill(WindowBatch batch, int b, int w)
    {
        var slot = b * _windowsPerStep + w;
        ref var row = ref _rows[b];
        if (row.Document is not { } begun || row.NextWindow >= begun.CountWindows(_window))
            row = new Row(_order.Take(), 0);
        if (row.Document is not { } span)
        {
            _windows.Clear(batch, slot);
            return false;
        }

        batch.PredictedTokens += _windows.Fill(batch, slot, span, row.NextWindow++);
        return true;
    }

    /// <param name="Document">Null if there is none.</param>
    private record struct Row(DocumentSpan? Document, int NextWindow);
}
