using Baka.Data.Shards;

namespace Baka.Data.Streams;

/// <summary>
/// Documents as windows, on several rows at once. When a row's document ends, its next window begins the next document of
/// the order that all rows share, while the other rows go on with theirs. Every token of a document but its first is
/// predicted exactly once. Reading allocates nothing.
/// </summary>
public sealed class WindowStream
{
    private readonly DocumentWindows _windows;
    private readonly int _windowsPerStep;
    private readonly int _window;
    private readonly IReadOnlyList<DocumentSpan> _documents;
    private readonly bool _endless;
    private readonly ulong _seed;
    // Documents of this epoch, as indices of _documents.
    private readonly int[] _order;
    private readonly Row[] _rows;
    private int _epoch;
    private int _next;

    private WindowStream(TokenCorpus corpus, int rows, int windowsPerStep, int window, IReadOnlyList<DocumentSpan> documents, bool endless, ulong seed)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(windowsPerStep, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(window, 1);
        if (documents.Count == 0)
            throw new UserException("no document has two tokens or more, so there is nothing to predict; give more text.");
        _windows = new DocumentWindows(corpus, window);
        _windowsPerStep = windowsPerStep;
        _window = window;
        _documents = documents;
        _endless = endless;
        _seed = seed;
        _order = new int[documents.Count];
        _rows = new Row[rows];
        Array.Fill(_rows, Row.Idle);
        BeginEpoch(0);
    }

    /// <summary>How many times all documents have been handed out to rows.</summary>
    public int Epoch => _epoch;

    /// <summary>Tokens that one epoch, or the whole evaluation, predicts.</summary>
    public long PredictedTokensPerEpoch => _documents.Sum(document => document.Tokens - 1);

    /// <summary>An endless stream over all documents, in an order drawn anew for every epoch.</summary>
    /// <param name="corpus">Must outlive the stream.</param>
    /// <param name="rows">B.</param>
    /// <param name="windowsPerStep">W.</param>
    /// <param name="window">T.</param>
    /// <param name="seed">Decides the orders.</param>
    /// <exception cref="UserException">The corpus has nothing to predict.</exception>
    public static WindowStream ForTraining(TokenCorpus corpus, int rows, int windowsPerStep, int window, ulong seed) =>
        new(corpus, rows, windowsPerStep, window, EvaluationPlan.Make(corpus), endless: true, seed);

    /// <summary>A stream over all documents once, in their order, each going to the first row that is free.</summary>
    /// <param name="corpus">Must outlive the stream.</param>
    /// <param name="rows">B.</param>
    /// <param name="windowsPerStep">W.</param>
    /// <param name="window">T.</param>
    /// <param name="limit">Most tokens to predict, chosen as <see cref="EvaluationPlan"/> says; null for all.</param>
    /// <exception cref="UserException">The corpus has nothing to predict.</exception>
    public static WindowStream ForEvaluation(TokenCorpus corpus, int rows, int windowsPerStep, int window, long? limit = null) =>
        new(corpus, rows, windowsPerStep, window, EvaluationPlan.Make(corpus, limit), endless: false, seed: 0);

    /// <summary>Fills a batch with the next windows of every row.</summary>
    /// <param name="batch">Of this stream's shape.</param>
    /// <returns>Whether there was anything left; always true of a training stream.</returns>
    public bool Next(WindowBatch batch)
    {
        if (batch.Rows != _rows.Length || batch.WindowsPerStep != _windowsPerStep || batch.Window != _window)
            throw new ArgumentException("The batch has another shape than the stream.", nameof(batch));
        batch.PredictedTokens = 0;
        // Windows outside, rows inside: documents are handed out in the order of time.
        for (var w = 0; w < _windowsPerStep; w++)
        {
            for (var b = 0; b < _rows.Length; b++)
                batch.PredictedTokens += Fill(batch, b, w);
        }

        return batch.PredictedTokens > 0;
    }

    /// <summary>Where the stream stands.</summary>
    public StreamState Save() => new(
        _seed,
        _epoch,
        _next,
        _rows.Select(row => row.Index < 0 ? new RowState(WindowBatch.NoDocument, 0) : new RowState(_documents[row.Index].Document, row.NextWindow)).ToArray(),
        _documents.Count,
        _documents.Sum(document => document.Tokens));

    /// <summary>Puts the stream where another of the same corpus, shape and seed was saved.</summary>
    /// <exception cref="UserException">The state belongs to another stream.</exception>
    public void Restore(StreamState state)
    {
        if (state.DocumentCount != _documents.Count || state.TokenCount != _documents.Sum(document => document.Tokens))
            throw new UserException($"the saved place in the data belongs to {state.DocumentCount} documents of {state.TokenCount} tokens, but these are {_documents.Count} of {_documents.Sum(document => document.Tokens)}; resume with the same data and tokenizer.");
        if (state.Rows.Length != _rows.Length)
            throw new UserException($"the saved place in the data has {state.Rows.Length} rows, but {_rows.Length} are asked for; resume with the same batch.");
        if (state.Seed != _seed)
            throw new UserException($"the saved place in the data was reached with seed {state.Seed}, not {_seed}; resume with the same seed.");
        var rows = state.Rows.Select(FindRow).ToArray();
        if (state.Epoch < 0 || state.NextDocument < 0 || state.NextDocument > _documents.Count)
            throw DamagedState();
        rows.CopyTo(_rows, 0);
        BeginEpoch(state.Epoch);
        _next = state.NextDocument;
    }

    private static UserException DamagedState() => new("the saved place in the data is damaged; resume from another checkpoint.");

    private Row FindRow(RowState state)
    {
        if (state.Document == WindowBatch.NoDocument)
            return Row.Idle;
        for (var i = 0; i < _documents.Count; i++)
        {
            if (_documents[i].Document == state.Document && state.NextWindow >= 0 && state.NextWindow <= _documents[i].CountWindows(_window))
                return new Row(i, state.NextWindow);
        }

        throw DamagedState();
    }

    private void BeginEpoch(int epoch)
    {
        _epoch = epoch;
        _next = 0;
        for (var i = 0; i < _order.Length; i++)
            _order[i] = i;
        if (!_endless)
            return;
        // Every epoch's order follows from the seed and its number alone, so that neither has to be kept.
        var seeds = new SplitMix64(_seed + (ulong)epoch * 0xD1B54A32D192ED03);
        new SplitMix64(seeds.Next()).Shuffle(_order);
    }

    /// <returns>How many tokens the window predicts.</returns>
    private int Fill(WindowBatch batch, int b, int w)
    {
        var slot = b * _windowsPerStep + w;
        ref var row = ref _rows[b];
        if (row.Index < 0 || row.NextWindow >= _documents[row.Index].CountWindows(_window))
            row = TakeDocument();
        if (row.Index >= 0)
            return _windows.Fill(batch, slot, _documents[row.Index], row.NextWindow++);
        _windows.Clear(batch, slot);
        return 0;
    }

    private Row TakeDocument()
    {
        if (_next == _order.Length)
        {
            if (!_endless)
                return Row.Idle;
            BeginEpoch(_epoch + 1);
        }

        return new Row(_order[_next++], 0);
    }

    private struct Row(int index, int nextWindow)
    {
        public static readonly Row Idle = new(-1, 0);

        public int Index = index;
        public int NextWindow = nextWindow;
    }
}
