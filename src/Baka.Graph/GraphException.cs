namespace Baka.Graph;

/// <summary>The graph being built makes no sense: the message is one sentence that names the module at fault.</summary>
public sealed class GraphException(string message) : Exception(message);
