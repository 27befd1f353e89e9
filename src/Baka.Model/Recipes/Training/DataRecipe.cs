namespace Baka.Model.Recipes;

/// <summary>Where text comes from. Paths are relative to the working folder.</summary>
public sealed record DataRecipe
{
    [Key("files and folders to train on; [] = the .NET documentation of this machine's SDK")]
    public ValueList<string> Train { get; init; } = [];

    [Key("files and folders to validate on; [] = documents taken out of data.train")]
    public ValueList<string> Valid { get; init; } = [];

    [Key("without data.valid, every k-th document is taken out for validation", Min = 2)]
    public int ValidEvery { get; init; } = 50;

    [Key("tokens of the longest document to train on: longer ones are cut into several that are shuffled like all others; null = documents as they are", Min = 2)]
    public int? DocumentTokens { get; init; }

    [Key("Memory task: documents are generated instead of read")]
    public TaskRecipe Task { get; init; } = new();
}
