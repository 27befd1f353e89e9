namespace Baka.Data.Tokenizers;

/// <summary>What is wrong with a tokenizer's file, to be told to the user together with the file's name.</summary>
internal sealed class TokenizerFormatException(string message) : Exception(message);
