using System.Security.Cryptography;
using System.Text;

namespace Baka.Cuda.Compilation;

/// <summary>
/// Machine code on disk, by all that it depends on. A file holds the hash of its content in front of it, so that a
/// damaged one is found out; one that can't be read or written costs a compilation and nothing else.
/// </summary>
/// <param name="folder">Need not exist yet; it can be deleted at any time.</param>
internal sealed class CubinCache(string folder)
{
    /// <summary>The name of an entry.</summary>
    public static string Key(string source, IEnumerable<string> options, Version compiler) =>
        Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes($"{compiler}\n{string.Join(' ', options)}\n{source}")));

    public byte[]? Read(string key)
    {
        try
        {
            var file = File.ReadAllBytes(PathOf(key));
            var content = file.AsSpan(Math.Min(file.Length, SHA256.HashSizeInBytes));
            return file.AsSpan(0, file.Length - content.Length).SequenceEqual(SHA256.HashData(content)) ? content.ToArray() : null;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    public void Write(string key, ReadOnlySpan<byte> cubin) => CacheFile.Write(PathOf(key), [.. SHA256.HashData(cubin), .. cubin]);

    private string PathOf(string key) => Path.Combine(folder, key + ".cubin");
}
