namespace Baka.Data.Documents;

/// <summary>A text that is read from its start, with memory carried through to its end.</summary>
/// <param name="Id">Name for people; need not be unique.</param>
/// <param name="Text">The whole text, never empty.</param>
public sealed record Document(string Id, string Text);
