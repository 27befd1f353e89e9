namespace Baka.Data.Shards;

/// <summary>
/// The header that llm.c writes before tokens: 256 little-endian 32-bit integers, of which the first three are a magic
/// number, a version and the number of tokens. Version 1 of magic 20240520 holds 16-bit tokens (llm.c's GPT-2 data),
/// version 7 of magic 20240801 holds 32-bit tokens (llm.c's Llama 3 data).
/// </summary>
internal static class ShardFormat
{
    public const int HeaderBytes = 256 * sizeof(int);

    /// <summary>Vocabularies up to this size fit into 16 bits.</summary>
    public const int LargestNarrowVocabulary = 1 << 16;

    public const int Narrow = sizeof(ushort);
    public const int Wide = sizeof(uint);

    private const int NarrowMagic = 20240520, NarrowVersion = 1;
    private const int WideMagic = 20240801, WideVersion = 7;

    /// <param name="tokenBytes">2 or 4.</param>
    /// <param name="tokens">How many tokens follow.</param>
    public static byte[] WriteHeader(int tokenBytes, int tokens)
    {
        var header = new byte[HeaderBytes];
        var (magic, version) = tokenBytes == Narrow ? (NarrowMagic, NarrowVersion) : (WideMagic, WideVersion);
        BitConverter.TryWriteBytes(header.AsSpan(0), magic);
        BitConverter.TryWriteBytes(header.AsSpan(4), version);
        BitConverter.TryWriteBytes(header.AsSpan(8), tokens);
        return header;
    }

    /// <returns>Bytes of a token and number of tokens; null if this is no such header.</returns>
    public static (int TokenBytes, int Tokens)? ReadHeader(ReadOnlySpan<byte> header)
    {
        if (header.Length < HeaderBytes)
            return null;
        var magic = BitConverter.ToInt32(header);
        var version = BitConverter.ToInt32(header[4..]);
        var tokens = BitConverter.ToInt32(header[8..]);
        if (tokens < 0)
            return null;
        return (magic, version) switch
        {
            (NarrowMagic, NarrowVersion) => (Narrow, tokens),
            (WideMagic, WideVersion) => (Wide, tokens),
            _ => null,
        };
    }
}
