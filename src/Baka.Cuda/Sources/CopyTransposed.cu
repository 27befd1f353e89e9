// y[o, b, a] = x[o, a, b]: b has stride 1 in x, a has stride 1 in y. Tiles of 32 x 32 elements pass through shared memory,
// so that both sides are touched in runs of 32 neighbors.
//
// X, Y              element types
// A, B              extents of the two axes
// X_A, Y_B          stride of a in x and of b in y
// INDEX             type of places: u32, or u64 where tensors need it
// X_OUTER, Y_OUTER  place of the outer index o in x and y

#define SIDE 32
#define ROWS 8
#define TILES_A ((A + SIDE - 1) / SIDE)
#define TILES_B ((B + SIDE - 1) / SIDE)

extern "C" __global__ void __launch_bounds__(SIDE * ROWS) copy_transposed(const X* x, Y* y)
{
    // A column more than needed: threads that read a column of the tile find its elements in different banks.
    __shared__ float tile[SIDE][SIDE + 1];

    const INDEX o = blockIdx.x / (TILES_A * TILES_B);
    const INDEX a = blockIdx.x / TILES_B % TILES_A * SIDE;
    const INDEX b = blockIdx.x % TILES_B * SIDE;
    const u32 column = threadIdx.x % SIDE;
    const u32 row = threadIdx.x / SIDE;

#pragma unroll
    for (u32 i = row; i < SIDE; i += ROWS)
    {
        if (a + i < A && b + column < B)
            tile[i][column] = to_float(x[X_OUTER + (a + i) * X_A + b + column]);
    }

    __syncthreads();
#pragma unroll
    for (u32 i = row; i < SIDE; i += ROWS)
    {
        if (b + i < B && a + column < A)
            y[Y_OUTER + (b + i) * Y_B + a + column] = from_float<Y>(tile[column][i]);
    }
}
