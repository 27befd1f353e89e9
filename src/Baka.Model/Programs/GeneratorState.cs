namespace Baka.Model.Programs;

/// <summary>All that a generator remembers, as plain data.</summary>
/// <param name="Carry">Values of the carried variables by the names of <see cref="LanguageModel.Carry(int)"/> for one row.</param>
/// <param name="DocumentWindow">Finished windows of the document.</param>
/// <param name="Tokens">Tokens of the unfinished window.</param>
public sealed record GeneratorState(IReadOnlyDictionary<string, float[]> Carry, int DocumentWindow, IReadOnlyList<int> Tokens);
