namespace Baka.Data.Tasks;

/// <summary>Names for symbols that can be told apart in a row.</summary>
internal static class SymbolNames
{
    private const int Letters = 26;

    /// <summary>Letters from the first on; where the alphabet is too short, numbers between the first letter and a space.</summary>
    /// <param name="first">'a' or 'A'.</param>
    public static IEnumerable<string> Of(char first, int count) =>
        Enumerable.Range(0, count).Select(i => count <= Letters ? ((char)(first + i)).ToString() : $"{first}{i} ");
}
