namespace Baka.Data.Streams;

/// <summary>
/// What one step reads: W consecutive windows of T tokens for each of B rows. Made once and filled again and again.
/// </summary>
public sealed class WindowBatch
{
    /// <summary>The target where nothing is to be predicted.</summary>
    public const int NoTarget = -1;

    /// <summary>The document of a row that has none left.</summary>
    public const int NoDocument = -1;

    /// <param name="rows">B.</param>
    /// <param name="windowsPerStep">W.</param>
    /// <param name="window">T.</param>
    public WindowBatch(int rows, int windowsPerStep, int window)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(rows, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(windowsPerStep, 1);
        ArgumentOutOfRangeException.ThrowIfLessThan(window, 1);
        Rows = rows;
        WindowsPerStep = windowsPerStep;
        Window = window;
        Tokens = new int[rows * windowsPerStep * window];
        Targets = new int[Tokens.Length];
        DocumentWindow = new int[rows * windowsPerStep];
        Documents = new int[DocumentWindow.Length];
    }

    /// <summary>B.</summary>
    public int Rows { get; }

    /// <summary>W.</summary>
    public int WindowsPerStep { get; }

    /// <summary>T.</summary>
    public int Window { get; }

    /// <summary>[B, W, T]: what is read; 0 where there is nothing.</summary>
    public int[] Tokens { get; }

    /// <summary>[B, W, T]: the token behind each, or <see cref="NoTarget"/>.</summary>
    public int[] Targets { get; }

    /// <summary>
    /// [B, W]: how many windows of its document come before this one, all in the same row; 0 where a document begins, that
    /// is where state starts afresh, and where there is nothing. The window's first token is token
    /// <c>DocumentWindow · T</c> of its document.
    /// </summary>
    public int[] DocumentWindow { get; }

    /// <summary>[B, W]: which document of the corpus, or <see cref="NoDocument"/>.</summary>
    public int[] Documents { get; }

    /// <summary>How many targets there are.</summary>
    public int PredictedTokens { get; internal set; }
}
