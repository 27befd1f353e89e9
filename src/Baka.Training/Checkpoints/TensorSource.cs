using System.Runtime.InteropServices;

namespace Baka.Training.Checkpoints;

/// <summary>Gives the values of a tensor at the moment they are written, flat in row-major order.</summary>
public delegate ReadOnlySpan<T> TensorValues<T>();

/// <summary>A named tensor on its way into a safetensors file; its values are asked for only when their turn comes.</summary>
public sealed class TensorSource
{
    private readonly TensorValues<float>? _floats;
    private readonly TensorValues<int>? _ints;

    private TensorSource(string name, TensorType type, IReadOnlyList<int> shape)
    {
        Name = name;
        Type = type;
        Shape = shape;
        Count = shape.Aggregate(1L, (product, size) => checked(product * size));
    }

    /// <summary>A tensor written as F32.</summary>
    public TensorSource(string name, IReadOnlyList<int> shape, TensorValues<float> values)
        : this(name, TensorType.F32, shape) => _floats = values;

    /// <summary>A tensor written as I32.</summary>
    public TensorSource(string name, IReadOnlyList<int> shape, TensorValues<int> values)
        : this(name, TensorType.I32, shape) => _ints = values;

    /// <summary>A tensor written as F32.</summary>
    public TensorSource(string name, IReadOnlyList<int> shape, ReadOnlyMemory<float> values)
        : this(name, shape, () => values.Span)
    {
    }

    public string Name { get; }

    public TensorType Type { get; }

    public IReadOnlyList<int> Shape { get; }

    /// <summary>Number of elements.</summary>
    public long Count { get; }

    internal long ByteCount => Count * Type.Size();

    internal void WriteTo(Stream stream)
    {
        if (_floats is not null)
        {
            Write(stream, _floats());
        }
        else
        {
            Write(stream, _ints!());
        }
    }

    private void Write<T>(Stream stream, ReadOnlySpan<T> values)
        where T : unmanaged
    {
        if (values.Length != Count)
        {
            throw new InvalidOperationException($"Tensor '{Name}' gave {values.Length} values for the shape [{string.Join(", ", Shape)}].");
        }

        // In pieces, since a span of bytes can't be longer than 2 GiB.
        const int Piece = 1 << 20;
        while (!values.IsEmpty)
        {
            var count = Math.Min(values.Length, Piece);
            stream.Write(MemoryMarshal.AsBytes(values[..count]));
            values = values[count..];
        }
    }
}
