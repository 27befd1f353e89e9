using Baka.Cpu.Kernels;

namespace Baka.Cpu.Tests.Kernels;

/// <summary>Pinned f32 memory for kernels; starts as NaN, so that what a kernel should not have read or left unwritten shows.</summary>
internal sealed unsafe class TestMemory
{
    public TestMemory(int length)
    {
        Data = GC.AllocateArray<float>(length, pinned: true);
        Data.AsSpan().Fill(float.NaN);
    }

    public float[] Data { get; }

    public float* Pointer => (float*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref Data[0]);

    public static TestMemory Random(Random random, int length, double scale = 1)
    {
        var memory = new TestMemory(length);
        for (var i = 0; i < length; i++)
        {
            memory.Data[i] = (float)(scale * Normal(random));
        }

        return memory;
    }

    public static double Normal(Random random) =>
        Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble());
}

/// <summary>Pinned integers for kernels.</summary>
internal sealed unsafe class TestIntegers
{
    public TestIntegers(params int[] values)
    {
        Data = GC.AllocateArray<int>(Math.Max(1, values.Length), pinned: true);
        values.CopyTo(Data, 0);
    }

    public int[] Data { get; }

    public int* Pointer => (int*)System.Runtime.CompilerServices.Unsafe.AsPointer(ref Data[0]);
}

/// <summary>
/// A [batches, rows, width] tensor as a column slice of a wider matrix whose other columns are NaN and must stay so.
/// </summary>
internal sealed unsafe class TestRows
{
    private const int Margin = 3;
    private readonly TestMemory _memory;
    private readonly int _batches;
    private readonly int _rows;
    private readonly int _width;

    public TestRows(int batches, int rows, int width)
    {
        (_batches, _rows, _width) = (batches, rows, width);
        _memory = new TestMemory(Math.Max(1, batches * (rows + 1) * Stride));
    }

    public Rows View => new(_memory.Pointer + Margin, Stride, (nint)(_rows + 1) * Stride);

    private int Stride => _width + 2 * Margin;

    /// <summary>The same as heads of a width.</summary>
    public Rows Heads(int headWidth) => new(View.Data, View.RowStride, View.BatchStride, headWidth);

    public static TestRows Random(Random random, int batches, int rows, int width)
    {
        var result = new TestRows(batches, rows, width);
        result.Set(Enumerable.Range(0, batches * rows * width).Select(_ => TestMemory.Normal(random)).ToArray());
        return result;
    }

    public void Set(double[] values)
    {
        for (var i = 0; i < values.Length; i++)
        {
            At(i) = (float)values[i];
        }
    }

    public ref float At(int flat)
    {
        var (row, column) = Math.DivRem(flat, _width);
        return ref View.At(row / _rows, row % _rows)[column];
    }

    public double[] ToArray()
    {
        var values = new double[_batches * _rows * _width];
        for (var i = 0; i < values.Length; i++)
        {
            values[i] = At(i);
        }

        return values;
    }

    /// <summary>Nothing outside the slice was written.</summary>
    public void AssertMarginsUntouched()
    {
        var untouched = _memory.Data.Count(float.IsNaN);
        var inside = ToArray().Count(double.IsNaN);
        Assert.Equal(_memory.Data.Length - _batches * _rows * _width, untouched - inside);
    }
}
