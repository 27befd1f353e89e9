using Baka.Compiler.Plans;
using Baka.Cuda.Interop;
using Baka.Cuda.Products;
using Baka.Graph;

namespace Baka.Cuda.Tests.Products;

/// <summary>A matrix of random numbers on a GPU, somewhere inside its memory and in either order, with its values on the host.</summary>
internal sealed class Matrix : IDisposable
{
    private readonly Gpu _gpu;
    private readonly DeviceMemory _memory;

    private Matrix(Gpu gpu, View view, float[] values)
    {
        _gpu = gpu;
        View = view;
        Values = values;
        _memory = view.Storage.Type == Element.Float32
            ? gpu.Upload<float>(values)
            : gpu.Upload<ushort>([.. values.Select(value => (ushort)(BitConverter.SingleToUInt32Bits(value) >> 16))]);
    }

    public View View { get; }

    /// <summary>All of the memory, what lies around the matrix included.</summary>
    public float[] Values { get; }

    public ulong Address => _memory.Address + (ulong)(View.Offset * View.Storage.Type.Bytes);

    public float this[int row, int column] => Values[Index(row, column)];

    public static Matrix Random(Gpu gpu, Random random, Element type, int rows, int columns)
    {
        var offset = random.Next(2) == 0 ? 0 : random.Next(20);
        var gap = random.Next(2) == 0 ? 0 : random.Next(10);
        var storage = new Storage(StorageKind.Scratch, "matrix", type, offset + (rows + gap) * (columns + gap));
        var strides = random.Next(3) == 0 ? new long[] { 1, rows + gap } : [columns + gap, 1];
        return new Matrix(gpu, new View(storage, offset, new Shape(rows, columns), strides), Numbers(random, storage));
    }

    /// <summary>Another that lies as this one does.</summary>
    public Matrix Another(Random random)
    {
        var storage = new Storage(StorageKind.Scratch, "matrix", View.Storage.Type, View.Storage.Count);
        return new Matrix(_gpu, new View(storage, View.Offset, View.Shape, [.. View.Strides]), Numbers(random, storage));
    }

    public long Index(int row, int column) => View.Offset + row * View.Strides[0] + column * View.Strides[1];

    public float[] Download() => View.Storage.Type == Element.Float32
        ? _gpu.Download<float>(_memory)
        : [.. _gpu.Download<ushort>(_memory).Select(bits => BitConverter.UInt32BitsToSingle((uint)bits << 16))];

    /// <summary>Everywhere, so that what lies around the matrix must be as it was.</summary>
    public static void AssertEqual(ProductShape shape, double[] expected, float[] actual, double tolerance)
    {
        for (var i = 0; i < expected.Length; i++)
        {
            Assert.True(Math.Abs(actual[i] - expected[i]) <= tolerance, $"{shape}: {actual[i]} at {i}, not {expected[i]}");
        }
    }

    public void Dispose() => _memory.Dispose();

    /// <summary>Numbers that bf16 holds exactly.</summary>
    private static float[] Numbers(Random random, Storage storage) => [.. Enumerable.Range(0, (int)storage.Count).Select(_ => random.Next(-128, 128) / 128f)];
}
