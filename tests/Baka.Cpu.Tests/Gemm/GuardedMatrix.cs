using System.Runtime.InteropServices;
using Baka.Cpu.Gemm;

namespace Baka.Cpu.Tests.Gemm;

/// <summary>How the values of a matrix lie in memory.</summary>
public enum Layout
{
    ByRows,
    ByColumns,

    /// <summary>By rows, with a gap after each.</summary>
    SpacedRows,

    /// <summary>By columns, with a gap after each.</summary>
    SpacedColumns,

    /// <summary>Neither stride is 1.</summary>
    Scattered,
}

/// <summary>
/// A matrix in memory of its own in which everything that is not an element is a NaN of a known pattern: reading past
/// an edge poisons the result, and writing there shows.
/// </summary>
internal sealed unsafe class GuardedMatrix : IDisposable
{
    private const int Guard = 64;
    private static readonly float Poison = BitConverter.UInt32BitsToSingle(0x7FC0_DEAD);

    private readonly float* _memory;
    private readonly int _length;
    private readonly int _rows;
    private readonly int _columns;

    public GuardedMatrix(int rows, int columns, Layout layout, Random? random, int? rowStride = null)
    {
        _rows = rows;
        _columns = columns;
        var (byRow, byColumn) = layout switch
        {
            Layout.ByRows => (columns, 1),
            Layout.ByColumns => (1, rows),
            Layout.SpacedRows => (columns + 5, 1),
            Layout.SpacedColumns => (1, rows + 7),
            _ => (2 * columns + 3, 2),
        };
        byRow = rowStride ?? byRow;
        _length = Math.Max(0, rows - 1) * byRow + Math.Max(0, columns - 1) * byColumn + 1 + 2 * Guard;
        _memory = (float*)NativeMemory.Alloc((nuint)_length, sizeof(float));
        new Span<float>(_memory, _length).Fill(Poison);
        View = new Matrix(_memory + Guard, byRow, byColumn);
        if (random is null) return;
        for (var i = 0; i < rows; i++)
        {
            for (var j = 0; j < columns; j++) View.At(i, j).Data[0] = random.NextSingle() * 2 - 1;
        }
    }

    public Matrix View { get; }

    public float this[int i, int j] => View.At(i, j).Data[0];

    /// <summary>All elements, row after row or column after column.</summary>
    public float[] Values(bool byColumns = false)
    {
        var values = new float[_rows * _columns];
        for (var i = 0; i < _rows; i++)
        {
            for (var j = 0; j < _columns; j++) values[byColumns ? j * _rows + i : i * _columns + j] = this[i, j];
        }

        return values;
    }

    public void AssertOnlyElementsWereWritten()
    {
        var isElement = new bool[_length];
        for (var i = 0; i < _rows; i++)
        {
            for (var j = 0; j < _columns; j++) isElement[View.At(i, j).Data - _memory] = true;
        }

        for (var i = 0; i < _length; i++)
        {
            if (isElement[i] || BitConverter.SingleToUInt32Bits(_memory[i]) == BitConverter.SingleToUInt32Bits(Poison)) continue;
            Assert.Fail($"Float {i - Guard} of a {_rows} x {_columns} result is no element, yet it was written.");
        }
    }

    public void Dispose() => NativeMemory.Free(_memory);
}
