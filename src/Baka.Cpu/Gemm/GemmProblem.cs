namespace Baka.Cpu.Gemm;

/// <summary>C [m, n] = (accumulate ? C : 0) + A [m, k] · B [k, n], with the rows of C contiguous.</summary>
internal readonly unsafe record struct GemmProblem(int M, int N, int K, Matrix A, Matrix B, Matrix C, bool Accumulate)
{
    /// <summary>Brings the product into the form the engines take: a C stored by columns becomes Cᵀ = Bᵀ · Aᵀ.</summary>
    /// <exception cref="ArgumentException">A size is negative, or neither stride of C is 1.</exception>
    public static GemmProblem Create(int m, int n, int k, Matrix a, Matrix b, Matrix c, bool accumulate)
    {
        if (m < 0 || n < 0 || k < 0)
        {
            throw new ArgumentException($"A matrix product of {m} x {n} x {k} has a negative size.");
        }

        // A single column of C may be either; as a row it takes the path for vectors.
        if (c.RowStride == 1 && (c.ColumnStride != 1 || n == 1))
        {
            return new GemmProblem(n, m, k, b.Transposed, a.Transposed, c.Transposed, accumulate);
        }

        if (c.ColumnStride != 1 && n > 1)
        {
            throw new ArgumentException(
                $"The result of a matrix product needs contiguous rows or columns; its strides are {c.RowStride} and {c.ColumnStride}.");
        }

        return new GemmProblem(m, n, k, a, b, c, accumulate);
    }

    /// <summary>The same product for some rows and columns of C.</summary>
    public GemmProblem Part(int row, int rows, int column, int columns) =>
        new(rows, columns, K, A.At(row, 0), B.At(0, column), C.At(row, column), Accumulate);
}
