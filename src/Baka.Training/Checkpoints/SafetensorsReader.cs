using System.Buffers.Binary;
using System.Runtime.InteropServices;
using Baka.Data;
using Microsoft.Win32.SafeHandles;

namespace Baka.Training.Checkpoints;

/// <summary>
/// Reads a safetensors file tensor by tensor straight into the caller's memory. Opening it checks the whole
/// header; every refusal is a <see cref="UserException"/> that names the file and the tensor.
/// </summary>
public sealed class SafetensorsReader : IDisposable
{
    // Large enough for the disk, small enough to stay in the second-level cache while it is converted.
    private const int ConversionBytes = 1 << 18;

    private readonly string _path;
    private readonly SafeFileHandle _file;
    private readonly SafetensorsHeader _header;
    private readonly long _dataStart;
    private byte[]? _conversion;

    private SafetensorsReader(string path, SafeFileHandle file)
    {
        _path = path;
        _file = file;
        var length = RandomAccess.GetLength(file);
        Span<byte> prefix = stackalloc byte[sizeof(ulong)];
        if (length < prefix.Length)
        {
            throw new UserException($"'{path}' is not a safetensors file: it is only {length} bytes long.");
        }

        Fill(prefix, 0);
        var headerLength = BinaryPrimitives.ReadUInt64LittleEndian(prefix);
        if (headerLength > SafetensorsHeader.MaxLength || (long)headerLength > length - prefix.Length)
        {
            throw new UserException($"'{path}' is not a safetensors file, or it was cut short: its header should be {headerLength} bytes long.");
        }

        var json = new byte[headerLength];
        Fill(json, prefix.Length);
        _dataStart = prefix.Length + json.Length;
        _header = SafetensorsHeader.Parse(path, json, length - _dataStart);
    }

    /// <summary>The tensors by name.</summary>
    public IReadOnlyDictionary<string, TensorEntry> Tensors => _header.Tensors;

    /// <summary>The texts the file carries along.</summary>
    public IReadOnlyDictionary<string, string> Metadata => _header.MetadataValues;

    /// <exception cref="UserException">The file can't be read, or is not a sound safetensors file.</exception>
    public static SafetensorsReader Open(string path)
    {
        SafeFileHandle? file = null;
        try
        {
            file = File.OpenHandle(path, options: FileOptions.SequentialScan);
            return new SafetensorsReader(path, file);
        }
        catch (Exception e)
        {
            file?.Dispose();
            if (e is IOException or UnauthorizedAccessException or NotSupportedException)
            {
                throw new UserException($"'{path}' can't be read: {e.Message}", e);
            }

            throw;
        }
    }

    /// <exception cref="UserException">The file has no tensor of that name.</exception>
    public TensorEntry Find(string name) =>
        Tensors.TryGetValue(name, out var entry) ? entry : throw new UserException($"'{_path}' has no tensor '{name}'.");

    /// <summary>Reads a tensor of F32, F16 or BF16.</summary>
    /// <param name="name">Of the tensor.</param>
    /// <param name="values">As many values as the tensor has elements, row-major.</param>
    /// <exception cref="UserException">There is no such tensor, or it is of another type or size.</exception>
    public void Read(string name, Span<float> values)
    {
        var entry = FindFor(name, values.Length);
        switch (entry.Type)
        {
            case TensorType.F32:
                ReadPlain(entry, values);
                break;
            case TensorType.F16:
                Convert<Half, float>(entry, values, static half => (float)half);
                break;
            case TensorType.BF16:
                Convert<ushort, float>(entry, values, static bits => BitConverter.UInt32BitsToSingle((uint)bits << 16));
                break;
            default:
                throw new UserException($"Tensor '{name}' in '{_path}' holds whole numbers ({entry.Type}) where real ones are needed.");
        }
    }

    /// <summary>Reads a tensor of I32 or I64.</summary>
    /// <param name="name">Of the tensor.</param>
    /// <param name="values">As many values as the tensor has elements, row-major.</param>
    /// <exception cref="UserException">There is no such tensor, it is of another type or size, or a value is beyond 32 bits.</exception>
    public void Read(string name, Span<int> values)
    {
        var entry = FindFor(name, values.Length);
        switch (entry.Type)
        {
            case TensorType.I32:
                ReadPlain(entry, values);
                break;
            case TensorType.I64:
                try
                {
                    Convert<long, int>(entry, values, static value => checked((int)value));
                }
                catch (OverflowException e)
                {
                    throw new UserException($"Tensor '{name}' in '{_path}' holds a number that is too large for 32 bits.", e);
                }

                break;
            default:
                throw new UserException($"Tensor '{name}' in '{_path}' holds real numbers ({entry.Type}) where whole ones are needed.");
        }
    }

    public void Dispose() => _file.Dispose();

    private TensorEntry FindFor(string name, int count)
    {
        var entry = Find(name);
        return entry.Count == count
            ? entry
            : throw new UserException(
                $"Tensor '{name}' in '{_path}' has {entry.Count} elements (shape [{string.Join(", ", entry.Shape)}]), but {count} are needed: it belongs to another model.");
    }

    private void ReadPlain<T>(TensorEntry entry, Span<T> values)
        where T : unmanaged
    {
        // In pieces, since a span of bytes can't be longer than 2 GiB.
        const int Piece = 1 << 24;
        var offset = entry.Offset;
        while (!values.IsEmpty)
        {
            var bytes = MemoryMarshal.AsBytes(values[..Math.Min(values.Length, Piece)]);
            FillData(bytes, offset);
            offset += bytes.Length;
            values = values[Math.Min(values.Length, Piece)..];
        }
    }

    private void Convert<TFrom, TTo>(TensorEntry entry, Span<TTo> values, Func<TFrom, TTo> convert)
        where TFrom : unmanaged
    {
        _conversion ??= new byte[ConversionBytes];
        var size = entry.Type.Size();
        var offset = entry.Offset;
        while (!values.IsEmpty)
        {
            var bytes = _conversion.AsSpan(0, (int)Math.Min(_conversion.Length, (long)values.Length * size));
            FillData(bytes, offset);
            offset += bytes.Length;
            var from = MemoryMarshal.Cast<byte, TFrom>(bytes);
            for (var i = 0; i < from.Length; i++)
            {
                values[i] = convert(from[i]);
            }

            values = values[from.Length..];
        }
    }

    private void FillData(Span<byte> bytes, long offset)
    {
        try
        {
            Fill(bytes, _dataStart + offset);
        }
        catch (IOException e)
        {
            throw new UserException($"'{_path}' can't be read: {e.Message}", e);
        }
    }

    private void Fill(Span<byte> bytes, long offset)
    {
        while (!bytes.IsEmpty)
        {
            var read = RandomAccess.Read(_file, bytes, offset);
            if (read == 0)
            {
                throw new UserException($"'{_path}' became shorter while it was read.");
            }

            bytes = bytes[read..];
            offset += read;
        }
    }
}
