using System.IO.MemoryMappedFiles;
using System.Runtime.InteropServices;

namespace Baka.Data.Shards;

/// <summary>Tokens of 2 or 4 bytes that lie in a mapped file or in managed memory.</summary>
internal sealed unsafe class TokenMemory : IDisposable
{
    private readonly MemoryMappedFile? _file;
    private readonly MemoryMappedViewAccessor? _view;
    private readonly int[]? _array;
    private readonly int _tokenBytes;
    private byte* _tokens;

    /// <summary>Maps a shard's file.</summary>
    public TokenMemory(string path, int tokenBytes, long count)
    {
        _tokenBytes = tokenBytes;
        Count = count;
        _file = MemoryMappedFile.CreateFromFile(path, FileMode.Open, mapName: null, capacity: 0, MemoryMappedFileAccess.Read);
        _view = _file.CreateViewAccessor(0, 0, MemoryMappedFileAccess.Read);
        byte* start = null;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref start);
        _tokens = start + _view.PointerOffset + ShardFormat.HeaderBytes;
    }

    /// <summary>Keeps tokens in memory.</summary>
    public TokenMemory(ReadOnlySpan<int> tokens)
    {
        _tokenBytes = ShardFormat.Wide;
        Count = tokens.Length;
        // Pinned, so that the address holds. One more than needed: an empty array has no address.
        _array = GC.AllocateUninitializedArray<int>(tokens.Length + 1, pinned: true);
        tokens.CopyTo(_array);
        _tokens = (byte*)Marshal.UnsafeAddrOfPinnedArrayElement(_array, 0);
    }

    /// <summary>Number of tokens.</summary>
    public long Count { get; }

    public void CopyTo(long from, Span<int> to)
    {
        ObjectDisposedException.ThrowIf(_tokens == null, this);
        if (from < 0 || from > Count - to.Length)
            throw new ArgumentOutOfRangeException(nameof(from));
        if (_tokenBytes == ShardFormat.Wide)
        {
            new ReadOnlySpan<int>(_tokens + from * ShardFormat.Wide, to.Length).CopyTo(to);
            return;
        }

        var narrow = new ReadOnlySpan<ushort>(_tokens + from * ShardFormat.Narrow, to.Length);
        for (var i = 0; i < to.Length; i++)
            to[i] = narrow[i];
    }

    public void Dispose()
    {
        if (_tokens == null)
            return;
        _tokens = null;
        _view?.SafeMemoryMappedViewHandle.ReleasePointer();
        _view?.Dispose();
        _file?.Dispose();
    }
}
