using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;
using Baka.Cuda.Compilation;
using Baka.Cuda.Interop;

namespace Baka.Cuda.Products;

/// <summary>
/// Which algorithms were the fastest, by shape, on disk for each kind of GPU and version of cuBLASLt. It saves the time of
/// measuring, and it makes later runs choose as the first did: measurements are noisy, and other algorithms round otherwise.
/// </summary>
internal sealed class AlgorithmCache
{
    private readonly string _path;
    private readonly Dictionary<string, MatmulAlgorithm> _known = [];

    public AlgorithmCache(string folder, string device, nuint version)
    {
        var name = string.Concat(device.Select(c => char.IsAsciiLetterOrDigit(c) ? c : '-'));
        _path = Path.Combine(folder, string.Create(CultureInfo.InvariantCulture, $"products {name} {version}.txt"));
        Read();
    }

    public bool TryGet(ProductShape shape, out MatmulAlgorithm algorithm) => _known.TryGetValue(shape.ToString(), out algorithm);

    public void Put(ProductShape shape, MatmulAlgorithm algorithm)
    {
        _known[shape.ToString()] = algorithm;
        var lines = _known.OrderBy(entry => entry.Key, StringComparer.Ordinal).Select(entry => $"{entry.Key} {Hex(entry.Value)}\n");
        CacheFile.Write(_path, Encoding.UTF8.GetBytes(string.Concat(lines)));
    }

    private static string Hex(MatmulAlgorithm algorithm) => Convert.ToHexStringLower(Bytes(ref algorithm));

    private static Span<byte> Bytes(ref MatmulAlgorithm algorithm) => MemoryMarshal.AsBytes(new Span<MatmulAlgorithm>(ref algorithm));

    /// <summary>A line is a shape, a space, and the algorithm's 64 bytes; lines that are not are passed over.</summary>
    private void Read()
    {
        try
        {
            foreach (var line in File.Exists(_path) ? File.ReadLines(_path) : [])
            {
                MatmulAlgorithm algorithm = default;
                if (line.LastIndexOf(' ') is > 0 and var end && Parse(line.AsSpan(end + 1), Bytes(ref algorithm)))
                {
                    _known[line[..end]] = algorithm;
                }
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            _known.Clear();
        }
    }

    private static bool Parse(ReadOnlySpan<char> hex, Span<byte> target) =>
        hex.Length == 2 * target.Length && Convert.FromHexString(hex, target, out _, out var written) == System.Buffers.OperationStatus.Done && written == target.Length;
}
