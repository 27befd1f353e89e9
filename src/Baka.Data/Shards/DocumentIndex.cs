using System.Security.Cryptography;
using System.Text;

namespace Baka.Data.Shards;

/// <summary>
/// Where the documents of a shard begin, what they are called and how many UTF-8 bytes their texts have: the file beside
/// a shard, named after it with <c>.idx</c> added. Layout, little-endian: the 8 bytes <c>BAKAIDX1</c>; SHA-256 of the whole
/// shard; number of documents (32 bits); for each its first token, its number of tokens, its text's bytes (64 bits each) and
/// its id (length-prefixed UTF-8); SHA-256 of everything before.
/// </summary>
/// <param name="Ids">Names.</param>
/// <param name="Starts">First token of every document.</param>
/// <param name="Lengths">Number of tokens of every document.</param>
/// <param name="TextBytes">UTF-8 bytes of every document's text.</param>
internal sealed record DocumentIndex(string[] Ids, long[] Starts, long[] Lengths, long[] TextBytes)
{
    private static readonly byte[] Magic = "BAKAIDX1"u8.ToArray();

    public int Count => Ids.Length;

    public byte[] Write(ReadOnlySpan<byte> shardHash)
    {
        using var stream = new MemoryStream();
        using var writer = new BinaryWriter(stream, Encoding.UTF8);
        writer.Write(Magic);
        writer.Write(shardHash);
        writer.Write(Count);
        for (var i = 0; i < Count; i++)
        {
            writer.Write(Starts[i]);
            writer.Write(Lengths[i]);
            writer.Write(TextBytes[i]);
            writer.Write(Ids[i]);
        }

        writer.Flush();
        writer.Write(SHA256.HashData(stream.GetBuffer().AsSpan(0, (int)stream.Length)));
        writer.Flush();
        return stream.ToArray();
    }

    /// <returns>The index and the hash its shard must have; null if the content is damaged.</returns>
    public static (DocumentIndex Index, byte[] ShardHash)? Read(byte[] content)
    {
        var body = content.Length - SHA256.HashSizeInBytes;
        if (body < Magic.Length || !content.AsSpan().StartsWith(Magic) || !SHA256.HashData(content.AsSpan(0, body)).AsSpan().SequenceEqual(content.AsSpan(body)))
            return null;
        using var reader = new BinaryReader(new MemoryStream(content), Encoding.UTF8);
        reader.ReadBytes(Magic.Length);
        var shardHash = reader.ReadBytes(SHA256.HashSizeInBytes);
        var count = reader.ReadInt32();
        var index = new DocumentIndex(new string[count], new long[count], new long[count], new long[count]);
        for (var i = 0; i < count; i++)
        {
            index.Starts[i] = reader.ReadInt64();
            index.Lengths[i] = reader.ReadInt64();
            index.TextBytes[i] = reader.ReadInt64();
            index.Ids[i] = reader.ReadString();
        }

        return (index, shardHash);
    }
}
