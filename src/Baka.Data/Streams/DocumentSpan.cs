namespace Baka.Data.Streams;

/// <summary>A document from its start, whole or in part.</summary>
/// <param name="Document">Its number in the corpus.</param>
/// <param name="Tokens">How many of its tokens are read; at least 2, so that one is predicted.</param>
public readonly record struct DocumentSpan(int Document, long Tokens)
{
    /// <summary>Windows of so many tokens that predict each token but the first: ⌈(tokens − 1) / window⌉.</summary>
    public long CountWindows(int window) => (Tokens - 2) / window + 1;
}
