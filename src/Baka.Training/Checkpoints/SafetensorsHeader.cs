using System.Text;
using System.Text.Json;
using Baka.Data;

namespace Baka.Training.Checkpoints;

/// <summary>A tensor in a safetensors file.</summary>
/// <param name="Name">As the file names it.</param>
/// <param name="Type">Of its elements in the file.</param>
/// <param name="Shape">Sizes, outermost first; empty for a scalar.</param>
/// <param name="Offset">Of its first byte after the header.</param>
/// <param name="ByteCount">Of its elements.</param>
public sealed record TensorEntry(string Name, TensorType Type, IReadOnlyList<int> Shape, long Offset, long ByteCount)
{
    /// <summary>Number of elements.</summary>
    public long Count => ByteCount / Type.Size();
}

/// <summary>The header of a safetensors file, checked: every byte of the data belongs to exactly one tensor.</summary>
internal sealed class SafetensorsHeader
{
    public const string Metadata = "__metadata__";

    /// <summary>The format's own bound on the header, in bytes.</summary>
    public const int MaxLength = 100_000_000;

    private static readonly UTF8Encoding StrictUtf8 = new(false, throwOnInvalidBytes: true);

    private readonly string _path;
    private readonly Dictionary<string, string> _metadata = [];
    private readonly Dictionary<string, TensorEntry> _tensors = [];

    private SafetensorsHeader(string path) => _path = path;

    public IReadOnlyDictionary<string, string> MetadataValues => _metadata;

    public IReadOnlyDictionary<string, TensorEntry> Tensors => _tensors;

    /// <param name="path">Of the file, for messages.</param>
    /// <param name="json">The header without its length.</param>
    /// <param name="dataLength">Bytes that follow the header.</param>
    /// <exception cref="UserException">Anything is not as the format says.</exception>
    public static SafetensorsHeader Parse(string path, byte[] json, long dataLength)
    {
        var header = new SafetensorsHeader(path);
        try
        {
            // The parser of JSON leaves strings unchecked until they are read.
            _ = StrictUtf8.GetCharCount(json);
            using var document = JsonDocument.Parse(json);
            header.ReadEntries(document.RootElement);
        }
        catch (Exception e) when (e is JsonException or DecoderFallbackException or InvalidOperationException)
        {
            throw new UserException($"'{path}' is not a safetensors file: its header is not valid JSON.", e);
        }

        header.CheckLayout(dataLength);
        return header;
    }

    private void ReadEntries(JsonElement root)
    {
        if (root.ValueKind != JsonValueKind.Object)
        {
            throw new UserException($"'{_path}' is not a safetensors file: its header is not a JSON object.");
        }

        var hasMetadata = false;
        foreach (var property in root.EnumerateObject())
        {
            var name = property.Name;
            var fresh = name == Metadata ? !hasMetadata : !_tensors.ContainsKey(name);
            if (!fresh)
            {
                throw new UserException($"'{_path}' is damaged: its header names '{name}' twice.");
            }

            if (name == Metadata)
            {
                hasMetadata = true;
                ReadMetadata(property.Value);
            }
            else
            {
                _tensors.Add(name, ReadTensor(name, property.Value));
            }
        }
    }

    private void ReadMetadata(JsonElement metadata)
    {
        if (metadata.ValueKind != JsonValueKind.Object)
        {
            throw new UserException($"'{_path}' is damaged: its {Metadata} is not a JSON object.");
        }

        foreach (var property in metadata.EnumerateObject())
        {
            if (property.Value.ValueKind != JsonValueKind.String || !_metadata.TryAdd(property.Name, property.Value.GetString()!))
            {
                throw new UserException($"'{_path}' is damaged: '{property.Name}' in its {Metadata} is not a single text.");
            }
        }
    }

    private TensorEntry ReadTensor(string name, JsonElement entry)
    {
        if (entry.ValueKind != JsonValueKind.Object)
        {
            throw Damaged(name, "has no dtype, shape and data_offsets");
        }

        var typeName = Field(name, entry, "dtype", JsonValueKind.String).GetString()!;
        // Enum.TryParse also takes numbers, and any case.
        if (!Enum.TryParse<TensorType>(typeName, out var type) || type.ToString() != typeName)
        {
            throw new UserException(
                $"Tensor '{name}' in '{_path}' has the dtype '{typeName}', which can't be read: convert it to one of {string.Join(", ", Enum.GetNames<TensorType>())}.");
        }

        var shape = Numbers(name, Field(name, entry, "shape", JsonValueKind.Array), "shape");
        if (shape.Any(size => size > int.MaxValue))
        {
            throw Damaged(name, "has a shape that is too large");
        }

        var offsets = Numbers(name, Field(name, entry, "data_offsets", JsonValueKind.Array), "data_offsets");
        if (offsets.Length != 2 || offsets[0] > offsets[1])
        {
            throw Damaged(name, "has data_offsets that are not a begin and an end");
        }

        var bytes = offsets[1] - offsets[0];
        if (BytesOf(shape, type) != bytes)
        {
            throw Damaged(name, $"has {bytes} bytes, which is not what {typeName} of shape [{string.Join(", ", shape)}] takes");
        }

        return new TensorEntry(name, type, Array.ConvertAll(shape, size => (int)size), offsets[0], bytes);
    }

    private JsonElement Field(string name, JsonElement entry, string field, JsonValueKind kind)
    {
        var found = entry.EnumerateObject().Where(property => property.NameEquals(field)).ToList();
        return found.Count == 1 && found[0].Value.ValueKind == kind
            ? found[0].Value
            : throw Damaged(name, $"has no proper {field}");
    }

    private long[] Numbers(string name, JsonElement array, string field)
    {
        var numbers = new long[array.GetArrayLength()];
        for (var i = 0; i < numbers.Length; i++)
        {
            var element = array[i];
            if (element.ValueKind != JsonValueKind.Number || !element.TryGetInt64(out numbers[i]) || numbers[i] < 0)
            {
                throw Damaged(name, $"has a {field} with something that is not a whole number of 0 or more");
            }
        }

        return numbers;
    }

    /// <summary>Bytes of a tensor; −1 when they are more than can be counted.</summary>
    private static long BytesOf(long[] shape, TensorType type)
    {
        if (shape.Contains(0))
        {
            return 0;
        }

        Int128 bytes = type.Size();
        foreach (var size in shape)
        {
            bytes *= size;
            if (bytes > long.MaxValue)
            {
                return -1;
            }
        }

        return (long)bytes;
    }

    private void CheckLayout(long dataLength)
    {
        var end = 0L;
        foreach (var tensor in _tensors.Values.OrderBy(t => t.Offset).ThenBy(t => t.ByteCount))
        {
            if (tensor.Offset + tensor.ByteCount > dataLength)
            {
                throw Damaged(tensor.Name, "reaches beyond the end of the file, which was cut short or never finished");
            }

            if (tensor.Offset < end)
            {
                throw Damaged(tensor.Name, "overlaps the tensor before it");
            }

            if (tensor.Offset > end)
            {
                throw Damaged(tensor.Name, "comes after a hole in the data");
            }

            end += tensor.ByteCount;
        }

        if (end != dataLength)
        {
            throw new UserException($"'{_path}' is damaged: {dataLength - end} bytes at its end belong to no tensor.");
        }
    }

    private UserException Damaged(string tensor, string how) => new($"'{_path}' is damaged: tensor '{tensor}' {how}.");
}
