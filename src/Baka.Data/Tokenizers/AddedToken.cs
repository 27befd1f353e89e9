namespace Baka.Data.Tokenizers;

/// <summary>A token that is found in the text as it stands, before anything else is done to it.</summary>
/// <param name="Id">Its number.</param>
/// <param name="Content">The text it stands for.</param>
/// <param name="SingleWord">Found only where no letter, digit or underscore adjoins it.</param>
/// <param name="StripsLeft">White space before it belongs to it.</param>
/// <param name="StripsRight">White space behind it belongs to it.</param>
/// <param name="Normalized">Looked for in the normalized text rather than in the text as given.</param>
/// <param name="Special">Marks structure, such as the end of a text, rather than text.</param>
public sealed record AddedToken(
    int Id, string Content, bool SingleWord = false, bool StripsLeft = false, bool StripsRight = false, bool Normalized = false, bool Special = false);
