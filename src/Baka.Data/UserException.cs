namespace Baka.Data;

/// <summary>A mistake or mishap that the user can mend: its message is one sentence saying what is wrong, where, and what to do.</summary>
public sealed class UserException(string message, Exception? inner = null) : Exception(message, inner);
