namespace Baka.Data.Streams;

/// <summary>
/// Documents side by side so that all rows are at the same window of theirs: for measurements that compare rows. Documents
/// of about the same length form a group, whose members begin together, the longest in the first row; a group ends when
/// fewer than two of them are left. Documents of a single window are passed over.
/// </summary>
public sealed class LockstepStream
{
    private readonly DocumentWindows _windows;
    private readonly int _window;
    private readonly DocumentSpan[][] _groups;
    private int _group;
    private int _next;

    /// <param name="corpus">Must outlive the stream.</param>
    /// <param name="rows">Most documents of a group; at least 3, so that none needs to have one alone.</param>
    /// <param name="window">T.</param>
    /// <param name="limit">Most tokens of the documents to predict, chosen as <see cref="ICorpus.Evaluated"/> says; null for all.</param>
    /// <exception cref="UserException">No two documents have a second window.</exception>
    public LockstepStream(ICorpus corpus, int rows, int window, long? limit = null)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 3);
        _windows = new DocumentWindows(corpus, window);
        _window = window;
        var documents = corpus.Evaluated(limit).Where(document => document.CountWindows(window) > 1).OrderByDescending(document => document.Tokens).ToArray();
        if (documents.Length < 2)
            throw new UserException($"no two documents have more than {window + 1} tokens, so there are no windows with a past to compare; give more or longer texts.");
        var groups = (documents.Length + rows - 1) / rows;
        _groups = [.. Enumerable.Range(0, groups).Select(i => documents[(documents.Length * i / groups)..(documents.Length * (i + 1) / groups)])];
        Rows = _groups.Max(group => group.Length);
    }

    /// <summary>B: documents of the largest group.</summary>
    public int Rows { get; }

    /// <summary>How many batches there are.</summary>
    public long BatchCount => _groups.Sum(Length);

    /// <summary>Documents that are read.</summary>
    public int DocumentCount => _groups.Sum(group => group.Length);

    /// <summary>How many rows, the first ones, have a document in the batch that was filled last; at least 2.</summary>
    public int ActiveRows { get; private set; }

    /// <summary>Fills a batch with the next window of every row.</summary>
    /// <param name="batch">Of <see cref="Rows"/> rows and one window a step.</param>
    /// <returns>Whether there was anything left.</returns>
    public bool Next(WindowBatch batch)
    {
        if (batch.Rows != Rows || batch.WindowsPerStep != 1 || batch.Window != _window)
            throw new ArgumentException("The batch has another shape than the stream.", nameof(batch));
        if (_group < _groups.Length && _next == Length(_groups[_group]))
            (_group, _next) = (_group + 1, 0);
        if (_group == _groups.Length)
            return false;
        (ActiveRows, batch.PredictedTokens) = (0, 0);
        var group = _groups[_group];
        for (var row = 0; row < Rows; row++)
        {
            if (row < group.Length && _next < group[row].CountWindows(_window))
            {
                batch.PredictedTokens += _windows.Fill(batch, row, group[row], _next);
                ActiveRows++;
            }
            else
            {
                _windows.Clear(batch, row);
            }
        }

        _next++;
        return true;
    }

    private long Length(DocumentSpan[] group) => group[1].CountWindows(_window);
}
