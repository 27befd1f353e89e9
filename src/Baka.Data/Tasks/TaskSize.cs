namespace Baka.Data.Tasks;

/// <summary>How large a task is, besides its documents' length.</summary>
/// <param name="Length">Symbols to copy, pairs to associate, symbols of the needle; null for as many as fit the document.</param>
/// <param name="Distance">Tokens between what is to be remembered and the question; null draws them for each document.</param>
/// <param name="Symbols">Different symbols, or keys.</param>
public readonly record struct TaskSize(int? Length, int? Distance, int Symbols);
