namespace Baka.Graph.Execution;

/// <summary>Inputs of graphs that mean something to devices.</summary>
public static class InputNames
{
    /// <summary>
    /// An i32 that differs from update to update: it decides how new values of parameters are rounded where a device
    /// keeps them with few digits and rounds by chance.
    /// </summary>
    public const string RoundingSeed = "rounding_seed";
}
