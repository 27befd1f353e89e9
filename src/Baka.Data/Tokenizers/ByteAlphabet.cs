using System.Text;

namespace Baka.Data.Tokenizers;

/// <summary>
/// GPT-2's way of writing any byte as one printable character: bytes that are printable in Latin-1 stand for
/// themselves, the other 68 are U+0100 onwards in their order.
/// </summary>
internal static class ByteAlphabet
{
    private static readonly char[] Characters = new char[256];
    private static readonly short[] Bytes = new short[0x100 + 68];

    static ByteAlphabet()
    {
        var order = new List<byte>(256);
        var others = new List<byte>();
        for (var value = 0; value < 256; value++)
        {
            var printable = value is >= '!' and <= '~' or >= 0xA1 and <= 0xAC or >= 0xAE;
            (printable ? order : others).Add((byte)value);
            Characters[value] = (char)(printable ? value : 0x100 + others.Count - 1);
        }

        order.AddRange(others);
        Order = order;
        Array.Fill(Bytes, (short)-1);
        for (var value = 0; value < 256; value++)
            Bytes[Characters[value]] = (short)value;
    }

    /// <summary>The 256 bytes in the order in which GPT-2 numbers them.</summary>
    public static IReadOnlyList<byte> Order { get; }

    /// <summary>Bytes as characters of the alphabet.</summary>
    public static string Write(ReadOnlySpan<byte> bytes)
    {
        var characters = new char[bytes.Length];
        Write(bytes, characters);
        return new string(characters);
    }

    /// <summary>Bytes as characters of the alphabet, one for each, into the beginning of a span.</summary>
    public static void Write(ReadOnlySpan<byte> bytes, Span<char> to)
    {
        for (var i = 0; i < bytes.Length; i++)
            to[i] = Characters[bytes[i]];
    }

    /// <summary>The bytes that a token stands for; one with a character outside the alphabet stands for its own UTF-8.</summary>
    public static byte[] Read(string token)
    {
        var bytes = new byte[token.Length];
        for (var i = 0; i < token.Length; i++)
        {
            var value = token[i] < Bytes.Length ? Bytes[token[i]] : -1;
            if (value < 0)
                return Encoding.UTF8.GetBytes(token);
            bytes[i] = (byte)value;
        }

        return bytes;
    }
}
