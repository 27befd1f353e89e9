namespace Baka.Cpu.Kernels;

internal static unsafe class RowIndex
{
    /// <summary>Throws when an index is neither −1 nor a row.</summary>
    public static void Check(int* index, int count, int rows)
    {
        for (var i = 0; i < count; i++)
        {
            if (index[i] < -1 || index[i] >= rows)
            {
                throw new ArgumentOutOfRangeException(nameof(index), $"Index {index[i]} at place {i} is outside the {rows} rows: give −1 for a row of zeros.");
            }
        }
    }
}
