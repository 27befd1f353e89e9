using System.Runtime.InteropServices;
using Microsoft.Win32.SafeHandles;

namespace Baka.Data.Shards;

/// <summary>
/// Tokens of 2 or 4 bytes that lie in a file or in managed memory. The file is read where it is asked for and not mapped:
/// what was read of a mapping counts as memory of the process, which would grow with the text.
/// </summary>
internal sealed class TokenMemory : IDisposable
{
    private readonly SafeFileHandle? _file;
    private readonly int[] _array = [];
    private readonly int _tokenBytes;
    private bool _disposed;

    /// <summary>Opens a shard's file.</summary>
    public TokenMemory(string path, int tokenBytes, long count)
    {
        (_tokenBytes, Count) = (tokenBytes, count);
        _file = File.OpenHandle(path);
    }

    /// <summary>Keeps tokens in memory.</summary>
    public TokenMemory(int[] tokens) => (_array, Count) = (tokens, tokens.Length);

    /// <summary>Number of tokens.</summary>
    public long Count { get; }

    public void CopyTo(long from, Span<int> to)
    {
        ObjectDisposedException.ThrowIf(_disposed, this);
        if (from < 0 || from > Count - to.Length)
            throw new ArgumentOutOfRangeException(nameof(from));
        if (_file is null)
            _array.AsSpan((int)from, to.Length).CopyTo(to);
        else if (_tokenBytes == ShardFormat.Wide)
            Read(_file, from, MemoryMarshal.AsBytes(to));
        else
            ReadNarrow(_file, from, to);
    }

    public void Dispose()
    {
        _disposed = true;
        _file?.Dispose();
    }

    private void ReadNarrow(SafeFileHandle file, long from, Span<int> to)
    {
        // Into the upper half: widening from the front then reads each token before it is written over.
        var narrow = MemoryMarshal.Cast<int, ushort>(to)[to.Length..];
        Read(file, from, MemoryMarshal.AsBytes(narrow));
        for (var i = 0; i < to.Length; i++)
            to[i] = narrow[i];
    }

    private void Read(SafeFileHandle file, long from, Span<byte> to)
    {
        for (var at = ShardFormat.HeaderBytes + from * _tokenBytes; to.Length > 0;)
        {
            var read = RandomAccess.Read(file, to, at);
            if (read == 0)
                throw new EndOfStreamException("A token shard has become shorter while it was read.");
            at += read;
            to = to[read..];
        }
    }
}
