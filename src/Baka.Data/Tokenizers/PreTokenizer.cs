namespace Baka.Data.Tokenizers;

/// <summary>Cuts a text into the pieces inside which byte pairs are merged. Immutable, hence safe to share among threads.</summary>
internal abstract class PreTokenizer
{
    /// <summary>Appends the end of every piece, in order; the pieces cover the whole text.</summary>
    /// <param name="text">Text that may be empty.</param>
    /// <param name="ends">Receives, for each piece, the index just behind it.</param>
    public abstract void Split(ReadOnlySpan<char> text, List<int> ends);
}
