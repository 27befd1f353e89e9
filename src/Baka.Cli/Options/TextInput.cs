using System.Text;
using Baka.Data;

namespace Baka.Cli.Options;

/// <summary>Reads what a command is to work on.</summary>
internal static class TextInput
{
    /// <summary>The bytes of a file.</summary>
    /// <exception cref="UserException">The file can't be read.</exception>
    public static byte[] ReadFile(string path)
    {
        try
        {
            return File.ReadAllBytes(path);
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            throw new UserException($"'{path}' can't be read: {failure.Message}", failure);
        }
    }

    /// <summary>The bytes of a stream to its end.</summary>
    public static byte[] ReadAll(Stream stream)
    {
        using var copy = new MemoryStream();
        stream.CopyTo(copy);
        return copy.ToArray();
    }

    /// <summary>The text of a UTF-8 file, without the mark that some editors put before it.</summary>
    /// <exception cref="UserException">The file can't be read.</exception>
    public static string ReadText(string path) => Encoding.UTF8.GetString(ReadFile(path)).TrimStart('\uFEFF');
}
