namespace Baka.Data;

/// <summary>
/// An error that the user can mend. Its message is one clear sentence: what is wrong, where, and what to do.
/// The command line prints it as it stands, without a stack trace.
/// </summary>
public sealed class UserException(string message, Exception? inner = null) : Exception(message, inner);
