namespace Baka.Cuda.Interop;

/// <summary>The GPU can't be used, or refused something. The message is one clear sentence for the user.</summary>
public sealed class CudaException(string message, Exception? inner = null) : Exception(message, inner);
