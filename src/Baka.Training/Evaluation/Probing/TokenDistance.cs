namespace Baka.Training.Evaluation.Probing;

/// <summary>Remembers in which window of its document each token was last read.</summary>
internal sealed class TokenDistance
{
    /// <summary>The distance of a token that the document has not had before.</summary>
    public const int Never = int.MaxValue;

    private readonly int[] _lastWindow;

    public TokenDistance(int vocabulary)
    {
        _lastWindow = new int[vocabulary];
        BeginDocument();
    }

    public void BeginDocument() => Array.Fill(_lastWindow, -1);

    public void Read(int token, int window) => _lastWindow[token] = window;

    /// <summary>How many windows before this one the token was last read; 0 for this window, or <see cref="Never"/>.</summary>
    public int Of(int token, int window) => _lastWindow[token] < 0 ? Never : window - _lastWindow[token];
}
