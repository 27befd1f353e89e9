using Baka.Model.Recipes.Schema;

namespace Baka.Model.Recipes;

/// <summary>How the values of enumerations are written in recipes and on the command line.</summary>
public static class ChoiceName
{
    /// <summary><c>Bf16Pure</c> is written <c>bf16-pure</c>.</summary>
    public static string Of<T>(T choice)
        where T : struct, Enum => Names.Split(choice.ToString(), '-');
}
