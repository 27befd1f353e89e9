using System.Buffers;
using System.Runtime.InteropServices;
using System.Security.Cryptography;

namespace Baka.Data.Shards;

/// <summary>Writes a shard and its index, document by document. Nothing is flushed or renamed before <see cref="Finish"/>.</summary>
internal sealed class ShardWriter : IDisposable
{
    private readonly string _path;
    private readonly int _tokenBytes;
    private readonly FileStream _file;
    private readonly DocumentIndexBuilder _index = new();

    public ShardWriter(string path, int vocabularySize)
    {
        _path = path;
        _tokenBytes = vocabularySize <= ShardFormat.LargestNarrowVocabulary ? ShardFormat.Narrow : ShardFormat.Wide;
        _file = new FileStream(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.None, 1 << 16);
        _file.Write(new byte[ShardFormat.HeaderBytes]);
    }

    public void Add(string id, ReadOnlySpan<int> tokens, long textBytes)
    {
        if (_index.Position + tokens.Length > int.MaxValue)
            throw new UserException($"the corpus has more than {int.MaxValue} tokens, the most that a shard's header can tell; give a part of it.");
        if (_tokenBytes == ShardFormat.Wide)
            _file.Write(MemoryMarshal.AsBytes(tokens));
        else
            WriteNarrow(tokens);
        _index.Add(id, tokens.Length, textBytes);
    }

    /// <summary>Completes both files and flushes them to disk.</summary>
    public void Finish()
    {
        _file.Position = 0;
        _file.Write(ShardFormat.WriteHeader(_tokenBytes, (int)_index.Position));
        _file.Flush(flushToDisk: true);
        _file.Position = 0;
        var hash = SHA256.HashData(_file);
        AtomicFile.Write(TokenCorpus.IndexPath(_path), _index.Build().Write(hash));
    }

    public void Dispose() => _file.Dispose();

    private void WriteNarrow(ReadOnlySpan<int> tokens)
    {
        var narrow = ArrayPool<ushort>.Shared.Rent(tokens.Length);
        for (var i = 0; i < tokens.Length; i++)
            narrow[i] = (ushort)tokens[i];
        _file.Write(MemoryMarshal.AsBytes(narrow.AsSpan(0, tokens.Length)));
        ArrayPool<ushort>.Shared.Return(narrow);
    }
}
